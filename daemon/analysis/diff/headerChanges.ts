// How two models differ outside their graphs: versions, producer, operator sets, metadata, functions.

import type { Model } from '../../ir/model';
import { functionKey } from '../scopes/scopes';
import { fieldWords } from './words';

export interface HeaderChange {
  /** "IR version", "opset ai.onnx", "metadata author". */
  readonly field: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly words: string;
}

/** Fields that differ, in a fixed order. */
export function headerChanges(a: Model, b: Model): HeaderChange[] {
  const left = fields(a);
  const right = fields(b);
  const changes: HeaderChange[] = [];
  for (const field of new Set([...left.keys(), ...right.keys()])) {
    const from = left.get(field) ?? null;
    const to = right.get(field) ?? null;
    if (from !== to) changes.push({ field, from, to, words: fieldWords(field, from, to) });
  }
  return changes;
}

function fields(model: Model): Map<string, string> {
  const found = new Map<string, string>([['IR version', String(model.irVersion)]]);
  const producer = `${model.producerName} ${model.producerVersion}`.trim();
  if (producer !== '') found.set('producer', producer);
  for (const { domain, version } of model.opsetImports)
    found.set(`opset ${domain === '' ? 'ai.onnx' : domain}`, String(version));
  for (const { key, value } of model.metadataProps) found.set(`metadata ${key}`, value.slice(0, 200));
  for (const each of model.functions)
    found.set(`function ${functionKey(each.domain, each.name, each.overload)}`, `${each.nodes.length} nodes`);
  return found;
}
