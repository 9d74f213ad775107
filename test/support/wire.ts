// Protobuf by hand, for tests that need bytes no writer would write.

export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.from([...bytes, Number(rest)]);
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

export const varintField = (field: number, value: number | bigint): Uint8Array =>
  joined(varint(field * 8), varint(value));

export const bytesField = (field: number, bytes: Uint8Array): Uint8Array =>
  joined(varint(field * 8 + 2), varint(bytes.length), bytes);
