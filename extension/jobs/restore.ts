// A run of the history → what the panel of its job shows. Pure, but for the spelling of paths, which comes in.

import type { FieldValue, FormValues, JobResult, JobRun } from '../../daemon/protocol/jobPage';
import type { RunRecord } from '../../daemon/protocol/runs';
import { commandLine } from './commandLine';
import type { Job, Method } from './job';
import { jobs } from './table';

export interface Restored {
  readonly job: Job;
  readonly method: Method;
  readonly run: Omit<JobRun, 'id'>;
}

/** Undefined for requests that no panel of a job shows. */
export function restore(
  record: RunRecord,
  model: string,
  pathOf: (uri: string) => string,
): Restored | undefined {
  const params = (record.params ?? {}) as Record<string, unknown>;
  const found = methodOf(record.method, params);
  if (!found) return undefined;
  const { job, method } = found;
  const values = valuesOf(method, params, pathOf);
  const done = record.state === 'done';
  return {
    job,
    method,
    run: {
      method: method.id,
      title: method.title,
      values,
      command: commandLine(method, values, model),
      state: done ? 'done' : record.state === 'cancelled' ? 'cancelled' : 'failed',
      progress: null,
      rows: record.rows as JobRun['rows'],
      result: done ? ({ kind: method.result, value: record.result } as JobResult) : null,
      error: record.state === 'cancelled' || done ? null : { message: whyNot(record) },
      deleted: false,
      left: null,
      overlays: [],
    },
  };
}

function whyNot({ state, error }: RunRecord): string {
  if (state === 'interrupted')
    return 'The process that ran it ended in the middle. Run it again to get a result.';
  if (state === 'running') return 'It is still running in another window. Its result will be in the history.';
  return error ?? 'It failed.';
}

/** Short name of the job that a request belongs to: "Benchmark". */
export function jobTitle(request: string): string | undefined {
  if (request === 'slipway/compress') return 'Compress and Benchmark';
  return jobs.find((job) => job.methods.some((method) => method.request.method === request))?.title;
}

/** The way of doing it whose form fits the params best; the first one where several do. */
function methodOf(
  request: string,
  params: Record<string, unknown>,
): { job: Job; method: Method } | undefined {
  const all = jobs.flatMap((job) => job.methods.map((method) => ({ job, method })));
  const scored = all
    .filter(({ method }) => method.request.method === request)
    .map((one) => ({ ...one, misfits: misfits(one.method, params) }));
  scored.sort((a, b) => a.misfits - b.misfits);
  return scored[0];
}

function misfits(
  { fixed = {}, hidden = [], needs = [], choices = {}, request }: Method,
  params: Record<string, unknown>,
): number {
  const given = flatten(params);
  const has = (name: string) => given.some(([key]) => key === name || key.startsWith(`${name}.`));
  const properties = (request.params as { properties?: object }).properties ?? {};
  return (
    Object.entries(fixed).filter(([name, value]) => params[name] !== value).length * 10 +
    needs.filter((name) => name in properties && !has(name)).length +
    hidden.filter(has).length +
    Object.entries(choices).filter(([name, taken]) => has(name) && !taken.includes(params[name] as string))
      .length
  );
}

/** Params that are not for the form. */
const never = new Set(['uri', 'revision', 'progressToken']);

function valuesOf(
  { fixed = {} }: Method,
  params: Record<string, unknown>,
  pathOf: (uri: string) => string,
): FormValues {
  const values: FormValues = {};
  for (const [name, value] of flatten(params)) {
    if (never.has(name) || name in fixed) continue;
    if (name === 'uris') values[name] = (value as string[]).slice(1).map(pathOf);
    else if ((name === 'against' || name === 'reference') && typeof value === 'string')
      values[name] = pathOf(value);
    else values[name] = value as FieldValue;
  }
  return values;
}

/** Names of nested values joined by a dot, as in the form; sizes of dimensions stay together. */
function flatten(params: Record<string, unknown>, prefix = ''): [string, unknown][] {
  return Object.entries(params).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && name !== 'bind'
      ? flatten(value as Record<string, unknown>, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value] as [string, unknown]],
  );
}
