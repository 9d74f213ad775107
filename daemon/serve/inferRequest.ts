// An Open Inference Protocol request body (JSON, JSON and bytes, or raw bytes) to tensors for a model. Knows the
// message, not HTTP; whether a tensor fits the model is checked before its data is read.

import type { ElementType, SessionValue, TensorValue } from '../runtime/runner/session';
import { tensorFromBytes, utf8 } from './binaryTensors';
import { datatypeOf, elementBytes, elementTypeOf, wireShape, wireTypeText } from './datatypes';
import { parseJson } from './jsonText';
import { tensorFromJson } from './jsonTensors';
import { invalid, notImplemented } from './requestError';

/** What reading a request needs to know of a model. */
export interface ModelSignature {
  readonly name: string;
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
}

export interface WantedOutput {
  readonly name: string;
  readonly binary: boolean;
}

export interface InferRequest {
  readonly id?: string;
  readonly inputs: Readonly<Record<string, TensorValue>>;
  /** In the order asked for; all outputs of the model when the request named none. */
  readonly outputs: readonly WantedOutput[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a request. `jsonLength` is the header `Inference-Header-Content-Length`: absent for a body that is all
 * JSON, 0 for a raw binary request. Throws a 400 or 501 that says what was expected.
 */
export function readInferRequest(
  model: ModelSignature,
  body: Uint8Array,
  jsonLength: number | undefined,
): InferRequest {
  if (jsonLength === 0) return readRaw(model, body);
  if (jsonLength !== undefined && jsonLength > body.length) {
    throw invalid(
      `Inference-Header-Content-Length is ${jsonLength}, but the whole body has ${body.length} bytes.`,
    );
  }
  const json = fields(parseJson(body.subarray(0, jsonLength ?? body.length)), 'The request');
  const parameters = fields(json['parameters'] ?? {}, 'parameters');
  const inputs = readInputs(model, json['inputs'], body.subarray(jsonLength ?? body.length));
  const outputs = readOutputs(model, json['outputs'], parameters['binary_data_output'] === true);
  const id = json['id'];
  if (id !== undefined && typeof id !== 'string') throw invalid('The id of a request is a string.');
  return { ...(id === undefined ? {} : { id }), inputs, outputs };
}

function readInputs(model: ModelSignature, list: unknown, binary: Uint8Array): InferRequest['inputs'] {
  if (!Array.isArray(list)) throw invalid(`The request has no "inputs" array. ${expectation(model)}`);
  const found = new Map<string, TensorValue>();
  let at = 0;
  for (const item of list as unknown[]) {
    const entry = fields(item, 'Each entry of "inputs"');
    const { value, type, dims } = matchInput(model, entry);
    if (found.has(value.name)) throw invalid(`Input '${value.name}' is given twice.`);
    const count = dims.reduce((product, dim) => product * dim, 1);
    const parameters = fields(entry['parameters'] ?? {}, `The parameters of input '${value.name}'`);
    refuseSharedMemory(parameters);
    const size = parameters['binary_data_size'];
    if (size === undefined) {
      found.set(value.name, tensorFromJson(value.name, type, dims, count, entry['data']));
      continue;
    }
    if (entry['data'] !== undefined) {
      throw invalid(`Input '${value.name}' has both "data" and "binary_data_size"; give one.`);
    }
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || at + size > binary.length) {
      throw invalid(
        `The binary_data_size of input '${value.name}' does not fit: ${binary.length - at} bytes are left after the JSON. Is Inference-Header-Content-Length right?`,
      );
    }
    found.set(value.name, tensorFromBytes(value.name, type, dims, count, binary.subarray(at, at + size)));
    at += size;
  }
  if (at !== binary.length) {
    throw invalid(
      `The body holds ${binary.length - at} bytes that no input's binary_data_size accounts for.`,
    );
  }
  const missing = model.inputs.find((input) => !found.has(input.name));
  if (missing) throw invalid(`Input '${missing.name}' is missing. ${expectation(model)}`);
  return Object.fromEntries(found);
}

/** The model's input that an entry names, once datatype and shape agree with it. */
function matchInput(model: ModelSignature, entry: Fields) {
  const name = entry['name'];
  const value = model.inputs.find((input) => input.name === name);
  if (!value) {
    const said = typeof name === 'string' ? `has no input '${shorten(name)}'` : 'needs a name for each input';
    throw invalid(`Model '${model.name}' ${said}. ${expectation(model)}`);
  }
  const type = matchType(value, entry['datatype']);
  const shape = entry['shape'];
  if (!Array.isArray(shape) || shape.length > 64 || !shape.every(isDimension)) {
    throw invalid(
      `Input '${value.name}' needs a "shape" of non-negative integers; it takes ${wireTypeText(value)}.`,
    );
  }
  const dims: readonly number[] = shape;
  const fits =
    dims.length === value.dims.length &&
    value.dims.every((dim, axis) => typeof dim !== 'number' || dim < 0 || dim === dims[axis]);
  if (!fits) {
    throw invalid(
      `Input '${value.name}' expects shape ${JSON.stringify(wireShape(value.dims))} (-1 is free); the request has ${JSON.stringify(dims)}.`,
    );
  }
  return { value, type, dims };
}

function matchType(value: SessionValue, datatype: unknown): ElementType {
  const expected = datatypeOf(value.type);
  if (elementTypeOf(expected) === undefined || datatype === 'BF16') {
    throw notImplemented(
      `Input '${value.name}' takes ${expected} and the request has ${typeof datatype === 'string' ? shorten(datatype) : 'none'}: this server cannot pass BF16 or types narrower than a byte to ONNX Runtime.`,
    );
  }
  if (datatype !== expected) {
    const given = typeof datatype === 'string' ? shorten(datatype) : 'no datatype';
    throw invalid(`Input '${value.name}' expects datatype ${expected}; the request has ${given}.`);
  }
  return value.type;
}

const isDimension = (dim: unknown): dim is number =>
  typeof dim === 'number' && Number.isInteger(dim) && dim >= 0 && dim <= 0x7fffffff;

function readOutputs(model: ModelSignature, list: unknown, binaryDefault: boolean): WantedOutput[] {
  if (list !== undefined && !Array.isArray(list)) throw invalid('"outputs" is an array of {"name": …}.');
  const entries = (list ?? []) as unknown[];
  if (entries.length === 0) {
    return model.outputs.map((output) => wanted(output, binaryDefault));
  }
  const seen = new Set<string>();
  return entries.map((item) => {
    const entry = fields(item, 'Each entry of "outputs"');
    const output = model.outputs.find((candidate) => candidate.name === entry['name']);
    if (!output) {
      const names = model.outputs.map((candidate) => `'${candidate.name}'`).join(', ');
      throw invalid(`Model '${model.name}' has no output of that name. Its outputs are ${names}.`);
    }
    if (seen.has(output.name)) throw invalid(`Output '${output.name}' is asked for twice.`);
    seen.add(output.name);
    const parameters = fields(entry['parameters'] ?? {}, `The parameters of output '${output.name}'`);
    refuseSharedMemory(parameters);
    if (parameters['classification'] !== undefined && parameters['classification'] !== 0) {
      throw notImplemented('The classification extension is not offered; take the scores and sort them.');
    }
    const binary = parameters['binary_data'];
    return wanted(output, typeof binary === 'boolean' ? binary : binaryDefault);
  });
}

/** Refused before the model runs, not after. */
function wanted(output: SessionValue, binary: boolean): WantedOutput {
  if (!binary && output.type === 'float16') {
    throw invalid(
      `Output '${output.name}' is FP16, which has no JSON form. Ask for it with "binary_data": true.`,
    );
  }
  return { name: output.name, binary };
}

/** The body is the single input's bytes: at most one dimension beside the batch is unknown, and follows from the size. */
function readRaw(model: ModelSignature, body: Uint8Array): InferRequest {
  const [value, ...others] = model.inputs;
  if (!value || others.length > 0) {
    throw invalid(
      `A raw binary request needs a model with one input; '${model.name}' has ${model.inputs.length}.`,
    );
  }
  const type = matchType(value, datatypeOf(value.type));
  const shape = wireShape(value.dims);
  const free = shape.filter((dim) => dim === -1).length;
  // With two free dimensions the first is taken for the batch.
  if (free === 2 && shape[0] === -1) shape[0] = 1;
  else if (free > 1) {
    throw invalid(`A raw binary request leaves the shape ${JSON.stringify(shape)} open; state it in JSON.`);
  }
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const bytes = known * elementBytes[type];
  const open = type === 'string' ? 1 : bytes === 0 ? 0 : body.length / bytes;
  if (!Number.isInteger(open)) {
    throw invalid(
      `Input '${value.name}' takes ${wireTypeText(value)}; ${body.length} bytes are no whole number of ${bytes}.`,
    );
  }
  const dims = shape.map((dim) => (dim === -1 ? open : dim));
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (type === 'string' && count !== 1) {
    throw invalid(
      `A raw binary request carries one string; input '${value.name}' takes ${wireTypeText(value)}.`,
    );
  }
  const tensor: TensorValue =
    type === 'string'
      ? { type, dims, data: [utf8(value.name, body)] }
      : tensorFromBytes(value.name, type, dims, count, body);
  return {
    inputs: Object.fromEntries([[value.name, tensor]]),
    outputs: model.outputs.map((output) => ({ name: output.name, binary: true })),
  };
}

function fields(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(`${what} must be a JSON object.`);
}

function refuseSharedMemory(parameters: Fields): void {
  if (parameters['shared_memory_region'] !== undefined) {
    throw notImplemented('Shared memory regions are not offered; send tensors in the request.');
  }
}

const expectation = (model: ModelSignature) =>
  `It expects ${model.inputs.map((input) => `'${input.name}' ${wireTypeText(input)}`).join(', ')}.`;

const shorten = (text: string) => (text.length > 64 ? `${text.slice(0, 64)}…` : text);
