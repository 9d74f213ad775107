// A file of per-value wishes: {"VALUE": {"min": -1, "max": 1}} fixes a range, {"VALUE": "float"} keeps a value
// from being rounded.

import { readFile } from 'node:fs/promises';
import { badRequest, fileSystemError, messageOf } from '../base/errors';
import type { Range } from '../passes/quantize/params';

export interface Overrides {
  readonly path: string;
  readonly ranges: ReadonlyMap<string, Range>;
  readonly float: ReadonlySet<string>;
}

export const noOverrides: Overrides = { path: '', ranges: new Map(), float: new Set() };

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
      `${path} must hold one JSON object: {"VALUE": {"min": -1, "max": 1}, "OTHER": "float"}.`,
    );
  const ranges = new Map<string, Range>();
  const float = new Set<string>();
  for (const [name, wish] of Object.entries(parsed as Record<string, unknown>)) {
    if (wish === 'float') float.add(name);
    else ranges.set(name, rangeFrom(path, name, wish));
  }
  return { path, ranges, float };
}

function rangeFrom(path: string, name: string, wish: unknown): Range {
  const { min, max } = (typeof wish === 'object' && wish !== null ? wish : {}) as Record<string, unknown>;
  const sound =
    typeof min === 'number' &&
    typeof max === 'number' &&
    Number.isFinite(min) &&
    Number.isFinite(max) &&
    min < max;
  if (sound) return { min, max };
  throw badRequest(
    `${path} gives "${name}" ${JSON.stringify(wish)}; give {"min": NUMBER, "max": LARGER NUMBER} or "float".`,
  );
}
