// Arithmetic on whole numbers that a model does in floats: sizes for Resize, positions, time steps. Half floats
// hold whole numbers exactly only up to 2,048, so such nodes stay float32.

import type { Node } from '../../ir/model';
import { isOp } from '../rewrite';
import { signatureOf } from './halfTable';
import { knownType, type Scope } from './scopes';

/** Nodes of one graph whose floats come from whole numbers alone and lead to whole numbers, sizes or angles. */
export function countingNodes(scope: Scope, opset: number): ReadonlySet<Node> {
  const { nodes, initializers } = scope.graph;
  const constants = new Set(initializers.map((tensor) => tensor.name));
  const isFloat = (name: string) => name !== '' && knownType(scope, name) === 'float';
  const counts = new Set<string>();
  const candidates: Node[] = [];
  for (const node of nodes) {
    const floats = node.inputs.filter(isFloat);
    const fromIntegers = isOp(node, 'Cast') && floats.length === 0;
    const fromCounts =
      floats.some((name) => counts.has(name)) &&
      floats.every((name) => counts.has(name) || constants.has(name));
    if ((!fromIntegers && !fromCounts) || !node.outputs.some(isFloat)) continue;
    candidates.push(node);
    for (const output of node.outputs) counts.add(output);
  }
  const found = new Set<Node>();
  if (candidates.length === 0) return found;
  const wanted = new Set<string>();
  for (let at = nodes.length - 1; at >= 0; at -= 1) {
    const node = nodes[at]!;
    const leads = isOp(node, 'Cast') && !node.outputs.some(isFloat);
    const counting = counts.has(node.outputs[0] ?? '') && node.outputs.some((name) => wanted.has(name));
    if (counting) found.add(node);
    const signature = signatureOf(node, opset);
    for (const [position, name] of node.inputs.entries()) {
      if (!counts.has(name)) continue;
      if (leads || counting || isOp(node, 'Sin', 'Cos', 'Range') || signature?.input(position) === 'n')
        wanted.add(name);
    }
  }
  return found;
}
