// One inference over HTTP: body to tensors, run, tensors to body. The same steps without HTTP are
// readInferRequest, model.infer and writeInferResponse.

import type { IncomingMessage } from 'node:http';
import { readBody, type ByteBudget } from './body';
import type { Serving } from './frontEnd';
import { readInferRequest } from './inferRequest';
import { writeInferResponse, type InferResponse } from './inferResponse';
import { invalid } from './requestError';
import type { ServedModel } from './repository';

export interface InferLimits {
  readonly maxBodyBytes: number;
  readonly budget: ByteBudget;
}

/** Answers one request for a model; `signal` is aborted when the client goes away. */
export async function inferOverHttp(
  serving: Serving,
  model: ServedModel,
  request: IncomingMessage,
  limits: InferLimits,
  signal: AbortSignal,
): Promise<InferResponse> {
  const jsonLength = headerLength(request.headers['inference-header-content-length']);
  const body = await readBody(request, limits.maxBodyBytes, limits.budget);
  try {
    const wanted = readInferRequest(model, body.bytes, jsonLength);
    const names = wanted.outputs.map((output) => output.name);
    const answer = await model.infer(wanted.inputs, names, signal);
    serving.metrics.modelRan(model, answer);
    return writeInferResponse(model, wanted, answer.outputs);
  } finally {
    body.release();
  }
}

function headerLength(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text.trim())) return Number(text);
  throw invalid('The header Inference-Header-Content-Length is a number of bytes.');
}
