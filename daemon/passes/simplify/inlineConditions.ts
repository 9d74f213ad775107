// If with a condition that is known:
// 1. If(constant) → the nodes of the branch that is taken, in the If's place. The branch's values get new names
//    where the graph has theirs already; its outputs get the If's names.
// 2. A branch that gives an initializer or a captured value directly gives it through an Identity.

import { cloneGraph } from '../../ir/clone';
import { node as makeNode } from '../../ir/builder';
import type { Graph, Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { definedInGraph, renameInGraph } from './renameValues';
import { scopePass, type Scope } from './scope';

function branchOf(node: Node, taken: boolean): Graph | undefined {
  const name = taken ? 'then_branch' : 'else_branch';
  const found = node.attributes.find((attribute) => attribute.name === name);
  return found?.type === 'GRAPH' ? found.value : undefined;
}

function inline(scope: Scope, node: Node, branch: Graph): void {
  const body = cloneGraph(branch);
  const fresh = new Map([...new Set(definedInGraph(body))].map((name) => [name, scope.names.fresh(name)]));
  const made = new Set(body.nodes.flatMap(({ outputs }) => outputs));
  const results: Node[] = [];
  const given = new Set<string>();
  node.outputs.forEach((name, i) => {
    const inner = body.outputs[i]?.name ?? '';
    if (name === '' || inner === '') return;
    if (made.has(inner) && !given.has(inner)) fresh.set(inner, name);
    else results.push(makeNode('Identity', [fresh.get(inner) ?? inner], [name]));
    given.add(inner);
  });
  renameInGraph(body, fresh);
  for (const each of body.nodes) if (each.name !== '') each.name = scope.names.fresh(each.name);
  scope.replace(node, [...body.nodes, ...results]);
  for (const tensor of body.initializers) scope.adopt(tensor);
  scope.graph.valueInfo.push(...body.valueInfo.filter(({ name }) => !node.outputs.includes(name)));
}

/** Puts the branch that is always taken in the place of If. */
export const inlineConditions = (read: TensorReader): Pass =>
  scopePass(
    'inline known conditions',
    read,
    (scope) => {
      for (const node of scope.nodes()) {
        const condition = isOp(node, 'If') ? scope.scalar(node.inputs[0]) : undefined;
        const branch = condition === undefined ? undefined : branchOf(node, condition !== 0);
        if (branch && branch.sparseInitializers.length === 0 && branch.outputs.length === node.outputs.length)
          inline(scope, node, branch);
      }
    },
    ['If'],
  );
