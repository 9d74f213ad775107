// Typed protobuf fields (float_data, int32_data, string_data, …) → little-endian packed values.

import { SlipwayError } from '../base/errors';
import { DataType, dataTypeBits, dataTypeName, rawByteLength } from '../ir/dataType';
import { elementCount } from '../ir/tensor';
import type { Tensor } from '../ir/tensor';
import { packBits } from './bits';
import { WireReader } from './wireReader';

/** A cursor over fields that were read before, which throws because they were whole then. */
function fieldReader(bytes: Uint8Array, tensor: Tensor): WireReader {
  const complaints = {
    complain(_id: string, message: string) {
      throw new SlipwayError(
        'invalidModel',
        `The values of tensor "${tensor.name}" are damaged: ${message}.`,
      );
    },
  };
  const source = { readSync: () => 0 };
  return new WireReader(source, bytes.length, complaints, Infinity, bytes);
}

/** The values of a tensor stored in typed fields, as raw_data would hold them. */
export function decodeFields(tensor: Tensor, bytes: Uint8Array): Uint8Array {
  const width = dataTypeBits(tensor.dataType);
  if (width === undefined) {
    throw new SlipwayError(
      'invalidModel',
      `Tensor "${tensor.name}" of type ${dataTypeName(tensor.dataType)} has no numeric values.`,
    );
  }
  const needed = rawByteLength(tensor.dataType, elementCount(tensor.dims))!;
  // Every value takes at least one byte of the fields, so a lying shape cannot make this large.
  const entryBytes = Math.max(1, Math.min(width, 64) / 8);
  const isSixBit = width === 6;
  const limit = isSixBit ? elementCount(tensor.dims) : needed;
  const out = new Uint8Array(Math.max(0, Math.min(limit, bytes.length * entryBytes)));
  const filled = fillEntries(fieldReader(bytes, tensor), tensor.dataType, isSixBit ? 1 : entryBytes, out);
  if (filled < limit) {
    throw new SlipwayError(
      'invalidModel',
      `Tensor "${tensor.name}" holds ${filled} bytes of values, but its shape needs ${limit}.`,
    );
  }
  return isSixBit ? packBits(out, 6) : out;
}

/** Writes the fields' values into `out`, as many as fit; returns the bytes written. */
function fillEntries(wire: WireReader, type: DataType, entryBytes: number, out: Uint8Array): number {
  const view = new DataView(out.buffer);
  let done = 0;
  const addInteger = () => {
    if (entryBytes === 8) {
      const value = wire.bigint();
      if (done + 8 <= out.length) view.setBigInt64(done, value, true);
    } else {
      const value = wire.int32();
      if (done + entryBytes > out.length) return;
      if (entryBytes === 4) view.setInt32(done, value, true);
      else if (entryBytes === 2) view.setInt16(done, value, true);
      else out[done] = type === DataType.BOOL ? Number(value !== 0) : value;
    }
    if (done + entryBytes <= out.length) done += entryBytes;
  };
  while (wire.next()) {
    const number = wire.tag >>> 3;
    const kind = wire.tag & 7;
    if ((number === 4 || number === 10) && kind !== 0) {
      const size = number === 4 ? 4 : 8;
      const length = kind === 2 ? wire.length : size;
      const count = Math.min(length, out.length - done);
      out.set(wire.copy(wire.position, wire.position + count), done);
      done += count;
      wire.skip();
    } else if ((number === 5 || number === 7 || number === 11) && (kind === 0 || kind === 2)) {
      wire.integers(addInteger);
    } else wire.skip();
  }
  return done;
}

/** The values of a STRING tensor stored in string_data. */
export function decodeStrings(tensor: Tensor, bytes: Uint8Array): Uint8Array[] {
  const wire = fieldReader(bytes, tensor);
  const values: Uint8Array[] = [];
  while (wire.next()) {
    if (wire.tag === 50) values.push(wire.bytes());
    else wire.skip();
  }
  return values;
}
