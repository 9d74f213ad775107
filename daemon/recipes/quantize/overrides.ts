// A file of wishes for single tensors: {"VALUE": {"min": -1, "max": 1}} fixes a range, {"VALUE": {"type": "uint16"}}
// the integers that it becomes (a weight's as well), {"VALUE": "float"} keeps a value from being rounded.

import { readFile } from 'node:fs/promises';
import { badRequest, fileSystemError, messageOf } from '../../base/errors';
import type { Range } from '../../passes/quantize/params';
import { tensorTypes, type TensorType } from '../../passes/quantize/scheme';

export interface Overrides {
  readonly path: string;
  readonly ranges: ReadonlyMap<string, Range>;
  readonly float: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, TensorType>;
}

export const noOverrides: Overrides = { path: '', ranges: new Map(), float: new Set(), types: new Map() };

/** Reads a JSON file of overrides. Throws `badRequest` with the value's name for what cannot be meant. */
export async function readOverrides(path: string): Promise<Overrides> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileSystemError('read', path, error);
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw badRequest(`${path} is no JSON document: ${messageOf(error)}.`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw badRequest(
      `${path} must hold one JSON object: {"VALUE": {"min": -1, "max": 1, "type": "uint8"}, "OTHER": "float"}.`,
    );
  const ranges = new Map<string, Range>();
  const float = new Set<string>();
  const types = new Map<string, TensorType>();
  for (const [name, wish] of Object.entries(parsed as Record<string, unknown>)) {
    if (wish === 'float') {
      float.add(name);
      continue;
    }
    const { range, type } = wishFrom(path, name, wish);
    if (range) ranges.set(name, range);
    if (type) types.set(name, type);
  }
  return { path, ranges, float, types };
}

function wishFrom(
  path: string,
  name: string,
  wish: unknown,
): { readonly range?: Range; readonly type?: TensorType } {
  const given = (typeof wish === 'object' && wish !== null ? wish : {}) as Record<string, unknown>;
  const unknown = Object.keys(given).filter((key) => !['min', 'max', 'type'].includes(key));
  const type = tensorTypes.find((each) => each === given['type']);
  const range = rangeFrom(given);
  const wrong =
    unknown.length > 0 ||
    (given['type'] !== undefined && type === undefined) ||
    (range === undefined && ('min' in given || 'max' in given)) ||
    (range === undefined && type === undefined);
  if (!wrong) return { ...(range ? { range } : {}), ...(type ? { type } : {}) };
  throw badRequest(
    `${path} gives "${name}" ${JSON.stringify(wish)}; give {"min": NUMBER, "max": LARGER NUMBER}, {"type": "${tensorTypes.join('" or "')}"}, both in one, or "float".`,
  );
}

function rangeFrom({ min, max }: Record<string, unknown>): Range | undefined {
  const sound =
    typeof min === 'number' &&
    typeof max === 'number' &&
    Number.isFinite(min) &&
    Number.isFinite(max) &&
    min < max;
  return sound ? { min, max } : undefined;
}
