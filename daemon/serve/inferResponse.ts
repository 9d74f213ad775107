// Output tensors to an Open Inference Protocol response: JSON alone, or JSON followed by bytes.

import type { Feeds, TensorValue } from '../runtime/runner/session';
import { bytesFromTensor } from './binaryTensors';
import { datatypeOf } from './datatypes';
import type { InferRequest } from './inferRequest';
import { jsonFromTensor } from './jsonTensors';
import { RequestError } from './requestError';

export interface InferResponse {
  /** The body in pieces, in order. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of JSON when tensors follow it; undefined when the body is all JSON. */
  readonly jsonLength?: number;
}

/** Writes the outputs that the request wanted, in its order. */
export function writeInferResponse(
  model: { readonly name: string; readonly version: string },
  request: InferRequest,
  outputs: Feeds,
): InferResponse {
  const binary: Uint8Array[] = [];
  try {
    const tensors = request.outputs.map(({ name, binary: asBytes }) => {
      const value = outputs[name];
      if (!value) throw new RequestError(500, `The model gave no output '${name}'.`);
      const head = headText(name, value);
      if (!asBytes) return `${head},"data":${jsonFromTensor(name, value)}}`;
      const bytes = bytesFromTensor(value);
      binary.push(bytes);
      return `${head},"parameters":{"binary_data_size":${bytes.length}}}`;
    });
    const id = request.id === undefined ? '' : `"id":${JSON.stringify(request.id)},`;
    const json = Buffer.from(
      `{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)},${id}"outputs":[${tensors.join(',')}]}`,
    );
    return binary.length === 0 ? { parts: [json] } : { parts: [json, ...binary], jsonLength: json.length };
  } catch (error) {
    // JavaScript strings end at half a gigabyte.
    if (!(error instanceof RangeError)) throw error;
    throw new RequestError(500, 'The outputs are too large for JSON. Ask for them with "binary_data": true.');
  }
}

const headText = (name: string, value: TensorValue) =>
  `{"name":${JSON.stringify(name)},"datatype":"${datatypeOf(value.type)}","shape":${JSON.stringify(value.dims)}`;
