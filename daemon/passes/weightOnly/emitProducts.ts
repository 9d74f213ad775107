// What nodes with quantized weights become: MatMulNBits (and an Add for Gemm's bias) and GatherBlockQuantized, or the
// node itself behind a blocked DequantizeLinear, and a lookup of codes and scales before one. Also where AWQ's factors
// go: into a LayerNormalization, or a Mul.

import { attribute, int64Tensor, node as makeNode, rawTensor, type AttributeValue } from '../../ir/builder';
import { DataType, rawByteLength } from '../../ir/dataType';
import { indexGraph } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Bytes, type Tensor } from '../../ir/tensor';
import { floatsToHalves, halvesToFloats } from '../../onnx/float16';
import type { Emitter } from '../quantize/emitter';
import { nameOf } from '../quantize/outcome';
import { constantTensors, isOp } from '../rewrite';
import type { BlockFormat } from './blocks';
import type { WeightUse } from './layers';
import type { BlockedSink } from './layouts';
import { PackedSink } from './layouts';
import type { RangeReader } from './matrix';

/** The operator set that brought a blocked DequantizeLinear of this many bits. */
export const blockedOpset = (bits: BlockFormat['bits']): 21 | 25 => (bits === 2 ? 25 : 21);
const microsoft = 'com.microsoft';

const bytesOf = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Bytes of float32 values in a weight's own type. */
const floatBytes = (values: Float32Array, dataType: DataType): Uint8Array =>
  bytesOf(dataType === DataType.FLOAT16 ? floatsToHalves(values) : values);

export class ProductEmitter {
  private usesMicrosoft = false;
  /** Inputs that AWQ divided: what a node reads now instead. */
  private readonly divided = new Map<Node, string>();

  constructor(
    private readonly model: Model,
    private readonly emitter: Emitter,
    private readonly accuracyLevel: number,
  ) {}

  /** Rewrites the nodes of one weight; gives those that were replaced by others. */
  async emit(
    use: WeightUse,
    sink: PackedSink | BlockedSink,
    keep: ((data: Uint8Array) => Promise<Bytes>) | undefined,
  ): Promise<Node[]> {
    const { tensor } = use.matrix;
    const constant = async (
      suffix: string,
      dataType: DataType,
      dims: readonly number[],
      data: Uint8Array,
    ) => {
      const bytes: Bytes = keep && data.length > 1024 ? await keep(data) : { in: 'memory', data };
      const length = rawByteLength(dataType, elementCount(dims));
      if (length !== data.length)
        throw new Error(`${tensor.name}_${suffix} has ${data.length} bytes, not ${length ?? 0}.`);
      return this.emitter.constant(`${tensor.name}_${suffix}`, (name) => ({
        ...rawTensor(name, dataType, dims, new Uint8Array(0)),
        storage: { kind: 'raw', bytes },
      }));
    };
    return sink instanceof PackedSink
      ? this.emitPacked(use, sink, constant)
      : this.emitBlocked(use, sink, constant);
  }

  private async emitPacked(use: WeightUse, sink: PackedSink, constant: Constant): Promise<Node[]> {
    const { bits, block } = sink.format;
    const { matrix, products, lookups } = use;
    const { k, n } = matrix;
    const { dataType } = matrix.tensor;
    const { blocks } = sink;
    const zeroBytes = Math.ceil((blocks * bits) / 8);
    const tied = products.length > 0 && lookups.length > 0;
    const flat = (k * bits) / 8;
    const codes = await constant(
      `q${bits}`,
      DataType.UINT8,
      products.length > 0 ? [n, blocks, (block * bits) / 8] : [n, flat],
      sink.codes,
    );
    const scales = await constant('scales', dataType, [n, blocks], floatBytes(sink.scales, dataType));
    let zeros = '';
    if (sink.zeros) zeros = await constant('zeros', DataType.UINT8, [n, zeroBytes], sink.zeros);
    else if (sink.floatZeros)
      zeros = await constant('zeros', dataType, [n, blocks], floatBytes(sink.floatZeros, dataType));
    this.usesMicrosoft = true;
    const replaced: Node[] = [];
    for (const node of products) {
      const input = this.divided.get(node) ?? node.inputs[0]!;
      const bias = isOp(node, 'Gemm') ? (node.inputs[2] ?? '') : '';
      const output = node.outputs[0]!;
      const product = bias === '' ? output : this.emitter.fresh(`${output}_product`);
      const inputs = zeros === '' ? [input, codes, scales] : [input, codes, scales, zeros];
      this.emitter.putAfter(
        node,
        this.like(node, 'MatMulNBits', inputs, product, {
          K: BigInt(k),
          N: BigInt(n),
          bits: BigInt(bits),
          block_size: BigInt(block),
          accuracy_level: BigInt(this.accuracyLevel),
        }),
      );
      if (bias !== '') {
        const names = { node: `${nameOf(node)}_bias`, output };
        this.emitter.putAfter(node, this.emitter.node('Add', [product, bias], names));
      }
      replaced.push(node);
    }
    let table = codes;
    if (tied) {
      // The same bytes, seen as rows; ONNX Runtime folds this when it loads the model.
      table = this.emitter.fresh(`${codes}_rows`);
      const shape = this.emitter.constant(`${table}_shape`, (name) => int64Tensor(name, [2], [n, flat]));
      const names = { node: `${table}_Reshape`, output: table };
      this.emitter.atStart(this.emitter.node('Reshape', [codes, shape], names));
    }
    for (const node of lookups) {
      const inputs =
        zeros === '' ? [table, node.inputs[1]!, scales] : [table, node.inputs[1]!, scales, zeros];
      this.emitter.putAfter(
        node,
        this.like(node, 'GatherBlockQuantized', inputs, node.outputs[0]!, {
          bits: BigInt(bits),
          block_size: BigInt(block),
          gather_axis: 0n,
          quantize_axis: 1n,
        }),
      );
      replaced.push(node);
    }
    return replaced;
  }

  private async emitBlocked(use: WeightUse, sink: BlockedSink, constant: Constant): Promise<Node[]> {
    const { bits, block, symmetric } = sink.format;
    const { matrix, products, lookups } = use;
    const { tensor, transposed, n } = matrix;
    const { dataType } = tensor;
    const types = symmetric
      ? { 4: DataType.INT4, 8: DataType.INT8, 2: DataType.INT2 }
      : { 4: DataType.UINT4, 8: DataType.UINT8, 2: DataType.UINT2 };
    const scaleDims = transposed ? [n, sink.blocks] : [sink.blocks, n];
    const codes = await constant(`q${bits}`, types[bits], tensor.dims, sink.codes);
    const scales = await constant('scales', dataType, scaleDims, floatBytes(sink.scales, dataType));
    const parts = [codes, scales];
    if (sink.zeros) parts.push(await constant('zeros', types[bits], scaleDims, sink.zeros));
    if (products.length > 0) this.dequantizeAhead(use, parts, block);
    for (const node of lookups) this.dequantizeRows(node, parts, block);
    return [...lookups];
  }

  /** Products read the weight behind a DequantizeLinear, which ONNX Runtime makes one operator of. */
  private dequantizeAhead({ matrix, products }: WeightUse, parts: readonly string[], block: number): void {
    const { tensor, transposed } = matrix;
    const output = this.emitter.fresh(`${tensor.name}_dequantized`);
    this.emitter.atStart(
      this.emitter.node(
        'DequantizeLinear',
        parts,
        { node: `${tensor.name}_DequantizeLinear`, output },
        { axis: transposed ? 1n : 0n, block_size: BigInt(block) },
      ),
    );
    const { producer } = indexGraph(this.model.graph);
    for (const node of products) {
      const before = producer.get(node.inputs[1]!);
      if (before && isOp(before, 'Transpose')) before.inputs = [output];
      else node.inputs[1] = output;
      const input = this.divided.get(node);
      if (input !== undefined) node.inputs[0] = input;
    }
  }

  /** A lookup takes codes and scales of its rows and dequantizes those alone, not the whole table on each run. */
  private dequantizeRows(node: Node, parts: readonly string[], block: number): void {
    const [output = ''] = node.outputs;
    const rows = parts.map((part) => {
      const found = this.emitter.fresh(`${output}_${part}`);
      this.emitter.putAfter(
        node,
        this.emitter.node('Gather', [part, node.inputs[1]!], { node: `${found}_Gather`, output: found }),
      );
      return found;
    });
    this.emitter.putAfter(node, {
      ...node,
      opType: 'DequantizeLinear',
      inputs: rows,
      attributes: [attribute('axis', -1n), attribute('block_size', BigInt(block))],
    });
  }

  private like(
    node: Node,
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, AttributeValue>>,
  ): Node {
    return {
      ...makeNode(opType, inputs, [output], { domain: microsoft, name: node.name, attributes }),
      docString: node.docString,
      metadataProps: node.metadataProps,
    };
  }

  /**
   * Makes `nodes` read their common input divided by the factors: inside the LayerNormalization that makes it when
   * nobody else reads it, else by a Mul in between.
   */
  async divideInput(
    input: string,
    nodes: readonly Node[],
    factors: Float32Array,
    read: RangeReader,
  ): Promise<void> {
    const { graph } = this.model;
    const index = indexGraph(graph);
    const constants = constantTensors(graph);
    const producer = index.producer.get(input);
    const readers = index.consumers.get(input) ?? [];
    const ours = readers.every((reader) => nodes.includes(reader)) && !index.graphOutputs.has(input);
    const inverse = factors.map((factor) => 1 / factor);
    if (ours && isOp(producer, 'LayerNormalization') && producer.outputs.length === 1) {
      const parts = producer.inputs.slice(1).filter((name) => name !== '');
      const tensors = parts.map((name) => constants.get(name));
      if (tensors.every((tensor) => tensor && canDivide(tensor, factors.length))) {
        for (const tensor of tensors as Tensor[]) {
          const values = await floats(read, tensor);
          const bytes = floatBytes(
            values.map((value, i) => value * inverse[i]!),
            tensor.dataType,
          );
          const name = this.emitter.constant(`${tensor.name}_divided`, (to) =>
            rawTensor(to, tensor.dataType, tensor.dims, bytes),
          );
          producer.inputs = producer.inputs.map((each) => (each === tensor.name ? name : each));
        }
        return;
      }
    }
    const type = constants.get(nodes[0]!.inputs[1]!)?.dataType ?? DataType.FLOAT;
    const factor = this.emitter.constant(`${input}_factors`, (name) =>
      rawTensor(name, type, [factors.length], floatBytes(inverse, type)),
    );
    const output = this.emitter.fresh(`${input}_divided`);
    // The readers are in running order.
    const first = graph.nodes.find((node) => nodes.includes(node))!;
    this.emitter.putBefore(
      first,
      this.emitter.node('Mul', [input, factor], { node: `${output}_Mul`, output }),
    );
    for (const node of nodes) this.divided.set(node, output);
  }

  /** Says in the model that it uses operators of ONNX Runtime. */
  importDomain(): void {
    if (!this.usesMicrosoft) return;
    if (this.model.opsetImports.some(({ domain }) => domain === microsoft)) return;
    this.model.opsetImports.push({ domain: microsoft, version: 1 });
  }
}

type Constant = (
  suffix: string,
  dataType: DataType,
  dims: readonly number[],
  data: Uint8Array,
) => Promise<string>;

const canDivide = ({ dataType, dims }: Tensor, count: number): boolean =>
  (dataType === DataType.FLOAT || dataType === DataType.FLOAT16) && dims.length === 1 && dims[0] === count;

async function floats(read: RangeReader, tensor: Tensor): Promise<Float32Array> {
  const bytes = new Uint8Array(await read(tensor, { start: 0, count: elementCount(tensor.dims) }));
  return tensor.dataType === DataType.FLOAT16
    ? halvesToFloats(new Uint16Array(bytes.buffer))
    : new Float32Array(bytes.buffer);
}
