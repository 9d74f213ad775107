// float16 and bfloat16 ⇄ float32, single values and arrays. Rounding is to nearest, ties to even.

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);
let halves: Float32Array | undefined;

/** The value of IEEE binary16 bits. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The binary16 bits nearest to a float32 value; beyond ±65,520 they are infinity. */
export function floatToHalf(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Adding 0.5 moves the last bit that binary16 has to the last bit of the sum, so that adding rounds.
    scratchBits[0] = magnitude;
    scratch[0] = scratch[0] + 0.5;
    return sign | (scratchBits[0] - 0x3f000000);
  }
  const rounded = magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1);
  return sign | (rounded >>> 13);
}

/** The value of bfloat16 bits: the upper half of a float32. */
export function bfloat16ToFloat(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratch[0]!;
}

/** The bfloat16 bits nearest to a float32 value. */
export function floatToBfloat16(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** float16 bits → float32 values. */
export function halvesToFloats(bits: Uint16Array): Float32Array {
  if (!halves) halves = Float32Array.from({ length: 65536 }, (_, code) => halfToFloat(code));
  const values = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index += 1) values[index] = halves[bits[index]!]!;
  return values;
}

/** float32 values → float16 bits. */
export function floatsToHalves(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index += 1) bits[index] = floatToHalf(values[index]!);
  return bits;
}

/** bfloat16 bits → float32 values. */
export function bfloat16sToFloats(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let index = 0; index < bits.length; index += 1) wide[index] = bits[index]! << 16;
  return new Float32Array(wide.buffer);
}

/** float32 values → bfloat16 bits. */
export function floatsToBfloat16s(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index += 1) bits[index] = floatToBfloat16(values[index]!);
  return bits;
}
