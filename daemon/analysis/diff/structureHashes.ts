// Numbers for where a node stands in the skeleton of its graph: everything before it, everything behind it, and its
// neighbourhood after k rounds of refinement (Weisfeiler and Leman). Names and weights play no part. All in steps.

import type { Steps } from '../../base/task';
import { Source, type DiffGraph } from './diffGraph';
import { Hash, unordered } from './nodeLabels';

const commutative: ReadonlySet<string> = new Set([
  'Add', 'Mul', 'Sum', 'Max', 'Min', 'Mean', 'And', 'Or', 'Xor', 'Equal',
]); // prettier-ignore

export const isCommutative = (opType: string): boolean => commutative.has(opType);

/** Of what stands in for a source that is no node. */
const sourceHash = (from: number, port: number): number =>
  new Hash()
    .add(from)
    .add(from === Source.input ? port : 0)
    .value();

/** Hash of everything that each node is computed from. Nodes on a cycle see their later inputs as nothing. */
export function* ancestorHashes(graph: DiffGraph, label: Float64Array): Steps<Float64Array> {
  const { nodes, order, skeleton, hidden } = graph;
  const up = new Float64Array(nodes.length);
  for (let at = 0; at < order.length; at += 1) {
    const index = order[at]!;
    if (hidden[index] === 0) up[index] = inputsHash(graph, label[index]!, index, up);
    if (at % 256 === 255) yield;
  }
  return up;

  function inputsHash(at: DiffGraph, own: number, index: number, known: Float64Array): number {
    const any = isCommutative(at.nodes[index]!.opType);
    const hash = new Hash().hash(own);
    let sum = 0;
    for (let slot = skeleton.start[index]!; slot < skeleton.start[index + 1]!; slot += 1) {
      const from = skeleton.from[slot]!;
      const port = skeleton.port[slot]!;
      if (from === Source.constant || from === Source.absent) continue;
      const part = from >= 0 ? new Hash().hash(known[from]!).add(port).value() : sourceHash(from, port);
      if (any) sum = unordered(sum, part);
      else hash.add(slot - skeleton.start[index]!).hash(part);
    }
    return hash.hash(sum).value();
  }
}

/** Hash of everything that depends on each node, down to the graph outputs. */
export function* descendantHashes(graph: DiffGraph, label: Float64Array): Steps<Float64Array> {
  const { nodes, order, uses, hidden, outputs } = graph;
  const down = new Float64Array(nodes.length);
  const out = new Float64Array(nodes.length);
  outputs.forEach(({ from, port }, at) => {
    if (from >= 0) out[from] = unordered(out[from]!, new Hash().add(7).add(at).add(port).value());
  });
  for (let i = order.length - 1; i >= 0; i -= 1) {
    const index = order[i]!;
    if (i % 256 === 0) yield;
    if (hidden[index]! > 0) continue;
    let sum = out[index]!;
    for (const use of uses[index]!) {
      const slot = isCommutative(nodes[use.node]!.opType) ? -1 : use.slot;
      sum = unordered(sum, new Hash().hash(down[use.node]!).add(slot).add(use.port).value());
    }
    down[index] = new Hash().hash(label[index]!).hash(sum).value();
  }
  return down;
}

/** Hash of each node's surroundings up to `rounds` edges away, in both directions. */
export function* neighbourhoodHashes(
  graph: DiffGraph,
  label: Float64Array,
  rounds: number,
): Steps<Float64Array> {
  const { nodes, skeleton, uses, hidden } = graph;
  let current = label;
  for (let round = 0; round < rounds; round += 1) {
    const next = new Float64Array(nodes.length);
    for (let index = 0; index < nodes.length; index += 1) {
      if (index % 256 === 255) yield;
      if (hidden[index]! > 0) continue;
      const any = isCommutative(nodes[index]!.opType);
      const hash = new Hash().hash(current[index]!);
      let sum = 0;
      for (let slot = skeleton.start[index]!; slot < skeleton.start[index + 1]!; slot += 1) {
        const from = skeleton.from[slot]!;
        if (from === Source.constant || from === Source.absent) continue;
        const part = from >= 0 ? current[from]! : sourceHash(from, skeleton.port[slot]!);
        if (any) sum = unordered(sum, part);
        else hash.add(slot - skeleton.start[index]!).hash(part);
      }
      let readers = 0;
      for (const use of uses[index]!) {
        const slot = isCommutative(nodes[use.node]!.opType) ? -1 : use.slot;
        readers = unordered(readers, new Hash().hash(current[use.node]!).add(slot).value());
      }
      next[index] = hash.hash(sum).hash(readers).value();
    }
    current = next;
  }
  return current;
}
