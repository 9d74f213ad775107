// The main graph and the bodies inside it, with what is known of the types of their values. Model-local functions
// are left out: their types differ from call to call.

import { typeIn, type InferredGraph } from '../../analysis/shapes';
import type { Graph, Node } from '../../ir/model';

export interface Scope {
  readonly graph: Graph;
  readonly inferred: InferredGraph | undefined;
  readonly parent: Scope | undefined;
  /** The node whose body this is. */
  readonly owner: Node | undefined;
  /** Names that this graph defines itself. */
  readonly own: ReadonlySet<string>;
  readonly bodies: readonly Scope[];
}

export type Known = 'float' | 'other' | 'unknown';

/** The main graph as a tree of scopes. */
export function scopeTree(
  graph: Graph,
  inferred: InferredGraph | undefined,
  parent?: Scope,
  owner?: Node,
): Scope {
  const own = new Set<string>();
  for (const input of graph.inputs) own.add(input.name);
  for (const tensor of graph.initializers) own.add(tensor.name);
  for (const sparse of graph.sparseInitializers) own.add(sparse.values.name);
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output);
  const bodies: Scope[] = [];
  const scope: Scope = { graph, inferred, parent, owner, own, bodies };
  for (const node of graph.nodes) {
    for (const attribute of node.attributes) {
      if (attribute.type === 'GRAPH') {
        const found = inferred?.bodies.get(node)?.find(({ name }) => name === attribute.name);
        bodies.push(scopeTree(attribute.value, found, scope, node));
      } else if (attribute.type === 'GRAPHS') {
        for (const body of attribute.value) bodies.push(scopeTree(body, undefined, scope, node));
      }
    }
  }
  return scope;
}

/** A scope and all below it, outer ones first. */
export function* allScopes(scope: Scope): Generator<Scope> {
  yield scope;
  for (const body of scope.bodies) yield* allScopes(body);
}

/** The scope that defines a value as seen from `scope`. */
export function definingScope(scope: Scope, name: string): Scope | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) if (at.own.has(name)) return at;
  return undefined;
}

/** Whether a value is a FLOAT tensor. */
export function knownType(scope: Scope, name: string): Known {
  const inferred = scope.inferred;
  const dtype = inferred && typeIn(inferred, name)?.dtype;
  if (dtype === 'float') return 'float';
  return dtype === undefined || dtype === 'undefined' ? 'unknown' : 'other';
}
