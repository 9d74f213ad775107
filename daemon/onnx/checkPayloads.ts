// Whether the bytes that tensors state are as many as their shape and type need.

import { rawByteLength } from '../ir/dataType';
import { byteLength, elementCount } from '../ir/tensor';
import type { Reading } from './reading';

/** Reports tensors whose sizes are no sizes, and raw payloads of another length than their shape needs. */
export function checkPayloads(reading: Reading): void {
  for (const { tensor, scope, byteOffset } of reading.tensors) {
    if (tensor.storage.kind !== 'raw') continue;
    const stated = byteLength(tensor.storage.bytes);
    const needed = rawByteLength(tensor.dataType, elementCount(tensor.dims));
    if (needed === undefined || needed === stated || tensor.segment) continue;
    reading.report(
      'error',
      'onnx/payload-length',
      `The shape [${tensor.dims.slice(0, 16).join(', ')}] needs ${needed} bytes, but ${stated} are there`,
      { scope, value: tensor.name, byteOffset },
    );
  }
}
