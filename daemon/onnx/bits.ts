// Packed elements narrower than a byte: taking a range out, unpacking one per byte, packing again.
// The first element is in the lowest bits, as raw_data has it.

/** Element codes [start, start + count) of packed bytes, one per byte, unsigned. */
export function unpackBits(packed: Uint8Array, width: number, start: number, count: number): Uint8Array {
  const codes = new Uint8Array(count);
  const mask = (1 << width) - 1;
  for (let index = 0; index < count; index += 1) {
    const bit = (start + index) * width;
    const byte = Math.floor(bit / 8);
    const pair = packed[byte]! | ((packed[byte + 1] ?? 0) << 8);
    codes[index] = (pair >>> (bit % 8)) & mask;
  }
  return codes;
}

/** Codes, one per byte, packed; the last byte is padded with zeros. */
export function packBits(codes: Uint8Array, width: number): Uint8Array {
  const packed = new Uint8Array(Math.ceil((codes.length * width) / 8));
  const mask = (1 << width) - 1;
  for (let index = 0; index < codes.length; index += 1) {
    const bit = index * width;
    const byte = Math.floor(bit / 8);
    const value = (codes[index]! & mask) << (bit % 8);
    packed[byte]! |= value & 255;
    if (value > 255) packed[byte + 1]! |= value >>> 8;
  }
  return packed;
}

/** Codes of a signed type: two's complement of `width` bits → numbers. */
export function signExtend(codes: Uint8Array, width: number): Int8Array {
  const values = new Int8Array(codes.length);
  const shift = 32 - width;
  for (let index = 0; index < codes.length; index += 1) values[index] = (codes[index]! << shift) >> shift;
  return values;
}
