// Nodes that compute the same from the same: same operator, inputs and attributes in one graph.
// 1. The later one goes and its readers read the earlier one's outputs.
// Left alone: operators that draw random numbers, operators of other domains (they may keep state), nodes with
// bodies, attributes that hold tensors on disk, and nodes of which an output is an output of the graph.

import type { Attribute, Node } from '../../ir/model';
import { byteLength, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { isStandard } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { isRandom } from './randomOperators';
import { scopePass, type Scope } from './scope';

const hex = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

function tensorKey({ dataType, dims, storage }: Tensor): string | undefined {
  if (storage.kind !== 'raw' && storage.kind !== 'fields') return undefined;
  const parts = storage.kind === 'raw' ? [storage.bytes] : storage.fields;
  const texts: string[] = [];
  for (const part of parts) {
    if (part.in !== 'memory' || byteLength(part) > 4096) return undefined;
    texts.push(hex(part.data));
  }
  return `${dataType}[${dims.join(',')}]${storage.kind}:${texts.join('/')}`;
}

function attributeKey(attribute: Attribute): string | undefined {
  const start = `${attribute.name}:${attribute.type}:${attribute.refAttrName ?? ''}:`;
  switch (attribute.type) {
    case 'INT':
    case 'INTS':
    case 'FLOAT':
    case 'FLOATS':
      return `${start}${String(attribute.value)}`;
    case 'STRING':
      return `${start}${hex(attribute.value)}`;
    case 'STRINGS':
      return `${start}${attribute.value.map(hex).join(',')}`;
    case 'TENSOR': {
      const key = tensorKey(attribute.value);
      return key && `${start}${key}`;
    }
    default:
      return undefined;
  }
}

function keyOf(node: Node): string | undefined {
  if (!isStandard(node) || isRandom(node) || node.outputs.length === 0) return undefined;
  const attributes: string[] = [];
  for (const attribute of node.attributes) {
    const key = attributeKey(attribute);
    if (key === undefined) return undefined;
    attributes.push(key);
  }
  return JSON.stringify([node.opType, node.overload, node.inputs, attributes.sort()]);
}

function join(scope: Scope, first: Node, again: Node): void {
  const pairs = again.outputs.map((name, i) => [name, first.outputs[i] ?? ''] as const);
  const used = pairs.filter(([name]) => !scope.isUnused(name));
  if (used.some(([name, other]) => other === '' || scope.isOutput(name))) return;
  if (!used.every(([name, other]) => scope.redirect(name, other))) return;
  scope.replace(again);
}

/** Computes equal expressions once. */
export const commonSubexpressions = (read: TensorReader): Pass =>
  scopePass('common subexpressions', read, (scope) => {
    const seen = new Map<string, Node>();
    for (const node of scope.nodes()) {
      const key = keyOf(node);
      const first = key === undefined ? undefined : seen.get(key);
      if (first) join(scope, first, node);
      else if (key !== undefined) seen.set(key, node);
    }
  });
