// What each route of the HTTP front end answers.

import type { IncomingMessage } from 'node:http';
import { version } from '../host/version';
import { wireTensors } from './datatypes';
import type { Serving } from './frontEnd';
import { inferOverHttp, type InferLimits } from './infer';
import type { ServedModel } from './repository';
import { unavailable } from './requestError';
import { route } from './router';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: readonly Uint8Array[];
}

export type RouteOptions = InferLimits;

/** What a route needs of its connection. */
export interface Hooks {
  /** Called before the body is read. */
  begin(): void;
  /** Hands over what to call with the status code once the answer is out. */
  counted(done: (code: string) => void): void;
}

/** Answers a request, or throws what requestError understands. */
export async function answerRoute(
  serving: Serving,
  options: RouteOptions,
  request: IncomingMessage,
  signal: AbortSignal,
  hooks: Hooks,
): Promise<Answer> {
  const { repository, lifecycle, metrics } = serving;
  const asked = route(request.method ?? '', request.url ?? '');
  switch (asked.kind) {
    case 'server':
      return json({ name: 'slipway', version, extensions: ['binary_tensor_data'] });
    case 'live':
      // That this code runs is the sign: models may still be loading.
      return json({ live: true });
    case 'ready':
      if (lifecycle.draining) throw unavailable('The server is shutting down.');
      if (!repository.ready) throw unavailable('The server is not ready: a model is still being loaded.');
      return json({ ready: true });
    case 'metrics': {
      const { type, body } = await metrics.text();
      return { status: 200, headers: { 'Content-Type': type }, parts: [Buffer.from(body)] };
    }
    case 'model':
      return json(metadata(repository.find(asked.model, asked.version)));
    case 'modelReady': {
      const model = repository.find(asked.model, asked.version);
      if (lifecycle.draining || !model.ready) throw unavailable(`Model '${model.name}' is not ready.`);
      return json({ name: model.name, ready: true });
    }
    case 'infer': {
      let model: ServedModel;
      try {
        model = repository.find(asked.model, asked.version);
      } catch (error) {
        hooks.counted(metrics.requestBegun('http', undefined));
        throw error;
      }
      hooks.counted(metrics.requestBegun('http', model));
      hooks.begin();
      const { parts, jsonLength } = await inferOverHttp(serving, model, request, options, signal);
      const headers: Readonly<Record<string, string>> =
        jsonLength === undefined
          ? { 'Content-Type': 'application/json' }
          : {
              'Content-Type': 'application/octet-stream',
              'Inference-Header-Content-Length': String(jsonLength),
            };
      return { status: 200, headers, parts };
    }
  }
}

const metadata = (model: ServedModel) => ({
  name: model.name,
  versions: [model.version],
  platform: 'onnxruntime_onnx',
  inputs: wireTensors(model.inputs),
  outputs: wireTensors(model.outputs),
});

const json = (value: unknown): Answer => ({
  status: 200,
  headers: { 'Content-Type': 'application/json' },
  parts: [Buffer.from(JSON.stringify(value))],
});
