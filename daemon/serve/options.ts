// The command line of the model server.

import { parseArgs } from 'node:util';
import { availableParallelism } from 'node:os';
import { badRequest, messageOf } from '../base/errors';
import { readLimits } from '../runtime/cgroup';
import { parseModelArgument, type ModelArgument } from './modelNames';

export interface ServerOptions {
  readonly models: readonly ModelArgument[];
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Runner processes for each model. */
  readonly workers: number;
  /** Threads of each runner. */
  readonly threads: number;
  /** Requests that may wait for a worker, for each model. */
  readonly maxQueue: number;
  /** Bytes of one request's body, before and after decompression. */
  readonly maxBodyBytes: number;
  /** Bytes of all bodies held at once. */
  readonly maxInflightBytes: number;
  /** A run that takes longer ends its worker. */
  readonly runSeconds: number;
  /** A connection whose headers, or whose body, take longer is closed. */
  readonly headerSeconds: number;
  readonly bodySeconds: number;
  /** Longest wait for accepted requests when ending. */
  readonly drainSeconds: number;
  /** Time to go on serving, no longer ready, before ending: load balancers lag behind readiness. */
  readonly prestopSeconds: number;
  /** End when standard input closes. */
  readonly watchParent: boolean;
  /** Origins of web pages that may call; `*` is any. */
  readonly allowOrigins: readonly string[];
}

export const usage = `Usage: server --model NAME=PATH [--model …] [options]
  --host ADDRESS            default 127.0.0.1
  --port N                  default 8080; 0 takes a free one
  --workers N               runner processes for each model, default 1
  --threads N               threads of each runner, default: the cores within the quota, divided by the workers
  --max-queue N             requests that may wait for each model, default 256
  --max-body-bytes N        largest request body, default 67108864
  --max-inflight-bytes N    request bodies held at once, default 536870912
  --run-seconds N           longest run of a model, default 60
  --header-seconds N        longest wait for a request's headers, default 10
  --body-seconds N          longest wait for a whole request, default 60
  --drain-seconds N         longest wait for accepted requests when ending, default 25
  --prestop-seconds N       go on serving this long, no longer ready, before ending, default 0
  --watch-parent            end when standard input closes
  --allow-origin ORIGIN     let web pages of this origin call; repeatable
`;

/** Reads the command line; throws `badRequest` with a sentence. Undefined means that help was asked for. */
export function parseOptions(args: readonly string[]): ServerOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const models = [...(values.model ?? []), ...positionals].map(parseModelArgument);
  if (models.length === 0) throw badRequest('No model was named. Write --model NAME=PATH or a path.');
  const twice = models.find((model, index) => models.some((m, i) => i < index && m.name === model.name));
  if (twice)
    throw badRequest(`Two models are named '${twice.name}'. Write --model NAME=PATH to tell them apart.`);

  const number = (name: NumberOption, otherwise: number, low: number, high: number) => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const value = Number(text);
    const whole = name.endsWith('-seconds') || Number.isInteger(value);
    if (text.trim() === '' || !whole || !(value >= low && value <= high)) {
      throw badRequest(`--${name} takes a number from ${low} to ${high}; '${text}' was given.`);
    }
    return value;
  };
  const maxBodyBytes = number('max-body-bytes', 64 << 20, 1, 2 ** 31 - 1);
  const day = 86_400;
  // One worker with all cores by default: it answers a single request soonest and holds the weights once.
  // More workers give more requests a second when the model does not keep all threads busy; the cores are
  // then divided, because more threads than cores make every request slower.
  const workers = number('workers', 1, 1, 256);
  return {
    models,
    host: values.host ?? '127.0.0.1',
    port: number('port', 8080, 0, 65_535),
    workers,
    threads: number('threads', Math.max(1, Math.floor(usableCores() / workers)), 1, 1024),
    maxQueue: number('max-queue', 256, 0, 1_000_000),
    maxBodyBytes,
    maxInflightBytes: Math.max(
      maxBodyBytes,
      number('max-inflight-bytes', 512 << 20, 1, Number.MAX_SAFE_INTEGER),
    ),
    runSeconds: number('run-seconds', 60, 0.01, day),
    headerSeconds: number('header-seconds', 10, 0.1, day),
    bodySeconds: number('body-seconds', 60, 0.1, day),
    drainSeconds: number('drain-seconds', 25, 0, day),
    prestopSeconds: number('prestop-seconds', 0, 0, day),
    watchParent: values['watch-parent'] ?? false,
    allowOrigins: values['allow-origin'] ?? [],
  };
}

type NumberOption =
  | 'port'
  | 'workers'
  | 'threads'
  | `max-${'queue' | 'body-bytes' | 'inflight-bytes'}`
  | `${'run' | 'header' | 'body' | 'drain' | 'prestop'}-seconds`;

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const list = { type: 'string', multiple: true } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        model: list,
        host: text,
        port: text,
        workers: text,
        threads: text,
        'max-queue': text,
        'max-body-bytes': text,
        'max-inflight-bytes': text,
        'run-seconds': text,
        'header-seconds': text,
        'body-seconds': text,
        'drain-seconds': text,
        'prestop-seconds': text,
        'watch-parent': flag,
        'allow-origin': list,
        help: flag,
      },
    });
  } catch (error) {
    throw badRequest(`${messageOf(error)} --help lists the options.`);
  }
}

/** Processors this process may use: its affinity, within the container's quota. */
function usableCores(): number {
  const quota = process.platform === 'linux' ? readLimits().cpus : undefined;
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota ?? Number.POSITIVE_INFINITY)));
}
