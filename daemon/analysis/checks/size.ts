// Rules of size: what a model carries and nobody reads. What the weights themselves say is weights.ts.

import { eachInSteps, type Steps } from '../../base/task';
import { bodiesOf } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { functionKey } from '../scopes/scopes';
import { tensorBytes } from '../summary';
import { namesRead } from '../topology';
import { listed, placeOfNode } from './findings';
import { ruleOf } from './rules';
import { reportNodes, type Subject } from './subject';
import type { Findings } from './findings';

/** Bytes of a tensor in a Constant node that are worth a word. */
const largeConstant = 1 << 20;

/** Reports functions that no node calls, in the main graph or in a function that is called. */
export function checkUnusedFunctions(model: Model, findings: Findings): void {
  const byKey = new Map(
    model.functions.map((each) => [functionKey(each.domain, each.name, each.overload), each]),
  );
  if (byKey.size === 0) return;
  const called = new Set<string>();
  const pending: (readonly Node[])[] = [model.graph.nodes];
  for (let nodes = pending.pop(); nodes; nodes = pending.pop()) {
    for (const node of nodes) {
      const key = functionKey(node.domain, node.opType, node.overload);
      const target = byKey.get(key);
      if (target && !called.has(key)) {
        called.add(key);
        pending.push(target.nodes);
      }
      for (const body of bodiesOf(node)) pending.push(body.nodes);
    }
  }
  const idle = [...byKey.keys()].filter((key) => !called.has(key));
  if (idle.length === 0) return;
  findings.add(
    ruleOf('size/unused-function').severity,
    'size/unused-function',
    `${idle.length} function${idle.length === 1 ? ' is' : 's are'} called by nobody (${listed(idle)}).`,
  );
}

export function* checkDeadNodes(subject: Subject): Steps<void> {
  const { graph } = subject.scoped;
  if (graph.outputs.length === 0) return;
  const needed = new Set<string>(graph.outputs.map(({ name }) => name));
  const dead: number[] = [];
  // From the back: in running order, readers come after what they read. Out of order, nothing is claimed.
  for (let at = graph.nodes.length - 1; at >= 0; at -= 1) {
    const node = graph.nodes[at]!;
    if (at % 1024 === 0) yield;
    if (node.outputs.some((name) => needed.has(name))) {
      for (const name of namesRead(node, subject.captures)) needed.add(name);
    } else dead.push(at);
  }
  const written = new Set<string>();
  for (const [at, node] of dead.length === 0 ? [] : graph.nodes.entries()) {
    for (const name of node.inputs) if (subject.index.producer.has(name) && !written.has(name)) return;
    for (const name of node.outputs) written.add(name);
    if (at % 1024 === 1023) yield;
  }
  reportNodes(
    subject,
    'size/unused-node',
    dead.reverse(),
    (first, more) => `${first}${more}: nobody reads what it gives.`,
  );
}

export function* checkLargeConstants({ scoped, findings }: Subject): Steps<void> {
  let bytes = 0;
  let count = 0;
  let at = -1;
  yield* eachInSteps(scoped.graph.nodes, (node, index) => {
    if (node.opType !== 'Constant') return;
    for (const attribute of node.attributes) {
      if (attribute.type !== 'TENSOR') continue;
      const size = tensorBytes(attribute.value);
      if (size < largeConstant) continue;
      bytes += size;
      count += 1;
      if (at < 0) at = index;
    }
  });
  const first = scoped.graph.nodes[at];
  if (!first) return;
  findings.add(
    ruleOf('size/constant-node').severity,
    'size/constant-node',
    `${count} Constant node${count === 1 ? ' holds' : 's hold'} ${(bytes / 1e6).toFixed(1)} MB; as initializers they could lie in external data.`,
    placeOfNode(scoped.path, first, at, first.outputs[0]),
  );
}
