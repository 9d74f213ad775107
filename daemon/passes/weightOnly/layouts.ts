// Where codes, scales and zero points of blocks go: the packed rows of MatMulNBits (and GatherBlockQuantized), or
// the tensors of a blocked DequantizeLinear in the weight's own shape. Byte orders are those of ONNX Runtime 1.30.

import { largestCode, middleCode, type BlockFormat, type Fit } from './blocks';

/** Takes finished blocks, in any order, each once. */
export interface BlockSink {
  /** Block `b` along K of output channel `n`; `codes` holds `count` codes. */
  put(n: number, b: number, codes: Uint8Array, count: number, fit: Readonly<Fit>): void;
}

/** Sets one code of a packed array; the array was zero there. */
function setCode(packed: Uint8Array, bits: number, index: number, code: number): void {
  if (bits === 8) packed[index] = code;
  else {
    const bit = index * bits;
    packed[bit >>> 3]! |= code << (bit & 7);
  }
}

export interface PackedWeight {
  /** (N, blocks, block · bits / 8): rows of the transposed weight, first code in the lowest bits, K padded. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** (N, blocks). */
  readonly scales: Float32Array<ArrayBuffer>;
  /** (N, ceil(blocks · bits / 8)), each row padded; absent when symmetric. */
  readonly zeros: Uint8Array<ArrayBuffer> | undefined;
  /** (N, blocks) of fractional zero points, instead of `zeros`. */
  readonly floatZeros: Float32Array<ArrayBuffer> | undefined;
}

/** The layout of MatMulNBits. `fractions` keeps zero points that are no codes. */
export class PackedSink implements BlockSink, PackedWeight {
  readonly codes: Uint8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
  readonly zeros: Uint8Array<ArrayBuffer> | undefined;
  readonly floatZeros: Float32Array<ArrayBuffer> | undefined;
  readonly blocks: number;
  private readonly blobBytes: number;
  private readonly zeroBytes: number;

  constructor(
    readonly k: number,
    readonly n: number,
    readonly format: BlockFormat,
    fractions = false,
  ) {
    const { bits, block, symmetric } = format;
    this.blocks = Math.ceil(k / block);
    this.blobBytes = (block * bits) / 8;
    this.zeroBytes = Math.ceil((this.blocks * bits) / 8);
    this.codes = new Uint8Array(n * this.blocks * this.blobBytes);
    this.scales = new Float32Array(n * this.blocks);
    this.zeros = symmetric || fractions ? undefined : new Uint8Array(n * this.zeroBytes);
    this.floatZeros = fractions ? new Float32Array(n * this.blocks) : undefined;
  }

  put(n: number, b: number, codes: Uint8Array, count: number, { scale, zero }: Readonly<Fit>): void {
    const { bits, block } = this.format;
    const at = n * this.blocks + b;
    const first = (at * this.blobBytes * 8) / bits;
    for (let i = 0; i < count; i += 1) setCode(this.codes, bits, first + i, codes[i]!);
    // What is beyond K is never read, and stands for zero as well as it can.
    const padding = Math.min(largestCode(bits), Math.max(0, Math.round(zero)));
    for (let i = count; i < block; i += 1) setCode(this.codes, bits, first + i, padding);
    this.scales[at] = scale;
    if (this.zeros) setCode(this.zeros, bits, (n * this.zeroBytes * 8) / bits + b, zero);
    if (this.floatZeros) this.floatZeros[at] = zero;
  }
}

/** The layout of DequantizeLinear with a block size: tensors in the weight's own row-major shape. */
export class BlockedSink implements BlockSink {
  /** Codes in the weight's shape, packed; two's complement around the middle when symmetric. */
  readonly codes: Uint8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
  readonly zeros: Uint8Array<ArrayBuffer> | undefined;
  readonly blocks: number;

  /** `transposed`: the weight is (N, K), not (K, N). */
  constructor(
    readonly k: number,
    readonly n: number,
    readonly format: BlockFormat,
    private readonly transposed: boolean,
  ) {
    const { bits, block, symmetric } = format;
    this.blocks = Math.ceil(k / block);
    this.codes = new Uint8Array(Math.ceil((n * k * bits) / 8));
    this.scales = new Float32Array(n * this.blocks);
    this.zeros = symmetric ? undefined : new Uint8Array(Math.ceil((n * this.blocks * bits) / 8));
  }

  put(n: number, b: number, codes: Uint8Array, count: number, { scale, zero }: Readonly<Fit>): void {
    const { bits, block, symmetric } = this.format;
    const mask = largestCode(bits);
    const shift = symmetric ? middleCode(bits) : 0;
    for (let i = 0; i < count; i += 1) {
      const k = b * block + i;
      const index = this.transposed ? n * this.k + k : k * this.n + n;
      setCode(this.codes, bits, index, (codes[i]! - shift) & mask);
    }
    const at = this.transposed ? n * this.blocks + b : b * this.n + n;
    this.scales[at] = scale;
    if (this.zeros) setCode(this.zeros, bits, at, zero);
  }
}
