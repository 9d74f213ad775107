// Two models laid beside each other: which node of the one is which of the other, and what changed. Pure: values of
// weights come in as fingerprints (cheap, for pairing) and comparisons (exact, for the verdict).

import { breathe, breathing, type Steps, type Task } from '../base/task';
import type { Graph, Model } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { diffGraph, type DiffGraph } from './diff/diffGraph';
import { ioChanges, type IoChange } from './diff/ioChanges';
import { matchNodes, type Fingerprint } from './diff/matchNodes';
import type { Matching } from './diff/matching';
import { operatorName } from './diff/nodeLabels';
import { attributeChanges, inputChanges, tensorLine, weightChanges } from './diff/nodeChanges';
import type { AttributeChange, BothOpsets, InputChange, SameValues, WeightChange } from './diff/nodeChanges';
import { opsetsOf } from './diff/words';
import { replacements } from './diff/regions';
import { headerChanges, type HeaderChange } from './diff/headerChanges';
import { bodiesAt, functionGraph, functionScope, nodeLabels } from './scopes/scopes';

export type { AttributeChange, HeaderChange, InputChange, IoChange, SameValues, WeightChange };

/** One node: the graph that it stands in, its row there, and what it is called. */
export interface NodeAt {
  readonly scope: string;
  readonly index: number;
  readonly name: string;
  readonly op: string;
}

export interface ChangedPair {
  readonly a: NodeAt;
  readonly b: NodeAt;
  readonly attributes: readonly AttributeChange[];
  readonly weights: readonly WeightChange[];
  readonly inputs: readonly InputChange[];
}

export interface Replaced {
  readonly how: 'fused' | 'split' | 'replaced' | 'folded';
  readonly from: readonly NodeAt[];
  readonly to: readonly NodeAt[];
  /** The node of B that does the work of `from` now, when it is a pair of its own. */
  readonly into?: NodeAt;
  /** The initializer of B that `from` was folded into. */
  readonly constant?: string;
}

/** Pairs of one graph: `[row in A, row in B, …]`, in rows of A. */
export interface GraphPairs {
  readonly scopeA: string;
  readonly scopeB: string;
  readonly pairs: Int32Array;
}

export interface ModelDiff {
  /** False when the two have too little in common for a comparison to mean anything; all lists are empty then. */
  readonly related: boolean;
  /** True when nothing differs but names, order and documentation. */
  readonly same: boolean;
  readonly nodesA: number;
  readonly nodesB: number;
  readonly paired: number;
  readonly renamed: number;
  readonly graphs: readonly GraphPairs[];
  readonly changed: readonly ChangedPair[];
  readonly replaced: readonly Replaced[];
  readonly removed: readonly NodeAt[];
  readonly added: readonly NodeAt[];
  readonly initializers: {
    readonly unchanged: number;
    readonly changed: readonly WeightChange[];
    readonly removed: readonly { name: string; type: string }[];
    readonly added: readonly { name: string; type: string }[];
  };
  readonly inputs: readonly IoChange[];
  readonly outputs: readonly IoChange[];
  readonly header: readonly HeaderChange[];
  /** Values that A holds in Constant nodes and B in initializers, or the other way round. */
  readonly moved: number;
}

export interface DiffSources {
  /** A number for a tensor's type, shape and a part of its values; undefined when they cannot be read. */
  readonly fingerprint: (tensor: Tensor) => number | undefined;
  readonly same: SameValues;
}

/** Below this share of the smaller graph's operators the pairs are coincidence. */
const leastShare = 0.25;

interface Work {
  readonly scopeA: string;
  readonly scopeB: string;
  readonly a: Graph;
  readonly b: Graph;
  readonly opsets: BothOpsets;
}

/** Compares two models; linear in their size but for small gaps. */
export async function diffModels(a: Model, b: Model, sources: DiffSources, task: Task): Promise<ModelDiff> {
  const graphs: { work: Work; matching: Matching }[] = [];
  const pending: Work[] = [
    {
      scopeA: '',
      scopeB: '',
      a: a.graph,
      b: b.graph,
      opsets: { a: opsetsOf(a.opsetImports), b: opsetsOf(b.opsetImports) },
    },
  ];
  const functionsB = new Map(b.functions.map((each) => [functionScope(each), each]));
  for (const each of a.functions) {
    const scope = functionScope(each);
    const other = functionsB.get(scope);
    if (other)
      pending.push({
        scopeA: scope,
        scopeB: scope,
        a: functionGraph(each),
        b: functionGraph(other),
        opsets: { a: opsetsOf(each.opsetImports), b: opsetsOf(other.opsetImports) },
      });
  }
  for (let work = pending.shift(); work; work = pending.shift()) {
    task.report({ stage: 'Pairing nodes' });
    const sides = {
      a: await breathing(diffGraph(work.a), task),
      b: await breathing(diffGraph(work.b), task),
    };
    const print =
      (graph: DiffGraph): Fingerprint =>
      (at) => {
        const tensor = graph.constants[at]!.tensor;
        return tensor && sources.fingerprint(tensor);
      };
    const prints = { a: print(sides.a), b: print(sides.b) };
    const matching = await breathing(matchNodes(sides.a, sides.b, prints), task);
    graphs.push({ work, matching });
    pending.push(...pairedBodies(work, matching));
  }
  const main = graphs[0]!.matching;
  return isRelated(main) ? collect(a, b, graphs, sources, task) : unrelated(a, b);
}

/** Bodies of paired If, Loop and Scan nodes, by the name of the attribute. */
function pairedBodies({ scopeA, scopeB, opsets }: Work, { a, b, ofA }: Matching): Work[] {
  const found: Work[] = [];
  const labelsA = nodeLabels(a.nodes);
  const labelsB = nodeLabels(b.nodes);
  a.nodes.forEach((node, x) => {
    const y = ofA[x]!;
    if (y < 0 || !node.attributes.some(({ type }) => type === 'GRAPH' || type === 'GRAPHS')) return;
    const others = bodiesAt(scopeB, b.nodes, y, labelsB);
    for (const body of bodiesAt(scopeA, a.nodes, x, labelsA)) {
      const other = others.find(({ name }) => name === body.name);
      if (other) found.push({ scopeA: body.path, scopeB: other.path, a: body.graph, b: other.graph, opsets });
    }
  });
  return found;
}

function isRelated({ a, b, count }: Matching): boolean {
  const smaller = Math.min(a.nodes.length, b.nodes.length);
  return smaller === 0 ? a.nodes.length === b.nodes.length : count / smaller >= leastShare;
}

const nothing = {
  paired: 0,
  renamed: 0,
  graphs: [],
  changed: [],
  replaced: [],
  removed: [],
  added: [],
  initializers: { unchanged: 0, changed: [], removed: [], added: [] },
  inputs: [],
  outputs: [],
  moved: 0,
};

const unrelated = (a: Model, b: Model): ModelDiff => ({
  ...nothing,
  related: false,
  same: false,
  nodesA: a.graph.nodes.length,
  nodesB: b.graph.nodes.length,
  header: headerChanges(a, b),
});

async function collect(
  a: Model,
  b: Model,
  graphs: readonly { work: Work; matching: Matching }[],
  { same, fingerprint }: DiffSources,
  task: Task,
): Promise<ModelDiff> {
  const changed: ChangedPair[] = [];
  const replaced: Replaced[] = [];
  const removed: NodeAt[] = [];
  const added: NodeAt[] = [];
  const pairs: GraphPairs[] = [];
  let renamed = 0;
  let paired = 0;
  let done = 0;
  let moved = 0;
  const total = graphs.reduce((sum, { matching }) => sum + matching.count, 0);
  const tensors = new TensorTally();
  for (const { work, matching } of graphs) {
    const { scopeA, scopeB, opsets } = work;
    const at = (scope: string, graph: DiffGraph, index: number): NodeAt => {
      const node = graph.nodes[index]!;
      return { scope, index, name: node.name || (node.outputs[0] ?? ''), op: operatorName(node) };
    };
    const list: number[] = [];
    const changedWeights = new Set<number>();
    for (const [x, y] of matching.ofA.entries()) {
      if (y < 0) continue;
      list.push(x, y);
      const left = matching.a.nodes[x]!;
      const right = matching.b.nodes[y]!;
      if (left.name !== right.name) renamed += 1;
      const hidden = matching.a.hidden[x] === 2;
      const attributes = await attributeChanges(left, right, same, opsets);
      const weights = hidden ? [] : await weightChanges(matching, x, y, same, opsets);
      const inputs = matching.a.hidden[x] === 0 ? inputChanges(matching, x, y, opsets) : [];
      tensors.pair(matching, x, y, weights);
      if (weights.length > 0) changedWeights.add(y);
      if (attributes.length + weights.length + inputs.length > 0)
        changed.push({
          a: at(scopeA, matching.a, x),
          b: at(scopeB, matching.b, y),
          attributes,
          weights,
          inputs,
        });
      done += 1;
      if (done % 64 === 0) {
        task.report({ stage: 'Comparing weights', done, total });
        await breathe(task);
      }
    }
    paired += list.length / 2;
    pairs.push({ scopeA, scopeB, pairs: Int32Array.from(list) });
    const regions = replacements(matching, (index) => changedWeights.has(index));
    for (const each of await breathing(regions, task)) {
      const from = each.from.map((index) => at(scopeA, matching.a, index));
      const to = each.to.map((index) => at(scopeB, matching.b, index));
      if (each.how === 'removed') removed.push(...from);
      else if (each.how === 'added') added.push(...to);
      else if (each.how === 'moved') moved += from.length + to.length;
      else
        replaced.push({
          how: each.how,
          from,
          to,
          ...(each.into === undefined ? {} : { into: at(scopeB, matching.b, each.into) }),
          ...(each.constant === undefined ? {} : { constant: each.constant }),
        });
    }
  }
  const inputs = ioChanges(a.graph, b.graph, 'inputs');
  const outputs = ioChanges(a.graph, b.graph, 'outputs');
  const initializers = await breathing(tensors.result(a.graph, b.graph, fingerprint), task);
  const header = headerChanges(a, b);
  const differences =
    changed.length +
    replaced.length +
    removed.length +
    added.length +
    inputs.length +
    outputs.length +
    header.length;
  return {
    related: true,
    same: differences === 0,
    nodesA: a.graph.nodes.length,
    nodesB: b.graph.nodes.length,
    paired,
    renamed,
    graphs: pairs,
    changed,
    replaced,
    removed,
    added,
    initializers,
    inputs,
    outputs,
    header,
    moved,
  };
}

/** What became of the initializers of the main graphs, through the nodes that read them. */
class TensorTally {
  private readonly keptA = new Set<Tensor>();
  private readonly keptB = new Set<Tensor>();
  private readonly changes = new Map<Tensor, WeightChange>();
  private readonly pairs = new Map<Tensor, Tensor>();

  pair({ a, b }: Matching, x: number, y: number, changes: readonly WeightChange[]): void {
    const tensorOf = (graph: DiffGraph, index: number, slot: number) => {
      const at = graph.skeleton.start[index]! + slot;
      if (at >= graph.skeleton.start[index + 1]! || graph.skeleton.from[at] !== -2) return undefined;
      return graph.constants[graph.skeleton.port[at]!]!.tensor;
    };
    const slots = a.skeleton.start[x + 1]! - a.skeleton.start[x]!;
    for (let slot = 0; slot < slots; slot += 1) {
      const left = tensorOf(a, x, slot);
      const right = tensorOf(b, y, slot);
      if (!left || !right) continue;
      this.pairs.set(left, right);
      const change = changes.find((each) => each.slot === slot);
      if (change) this.changes.set(left, change);
      this.keptA.add(left);
      this.keptB.add(right);
    }
  }

  *result(a: Graph, b: Graph, fingerprint: DiffSources['fingerprint']): Steps<ModelDiff['initializers']> {
    const own = new Set(a.initializers);
    const left = a.initializers.filter((each) => !this.keptA.has(each));
    const right = new Set(b.initializers.filter((each) => !this.keptB.has(each)));
    const line = (tensor: Tensor) => ({ name: tensor.name, type: tensorLine(tensor) });
    const removed: { name: string; type: string }[] = [];
    // Nobody reads it, or its reader went away: the name and the values are what is left.
    const prints = new Map<number | undefined, Tensor[]>();
    for (const each of right) {
      const list = prints.get(fingerprint(each));
      if (list) list.push(each);
      else prints.set(fingerprint(each), [each]);
    }
    yield;
    const names = new Map([...right].map((each) => [each.name, each]));
    for (const [index, tensor] of left.entries()) {
      if (index % 256 === 255) yield;
      const named = names.get(tensor.name);
      const found =
        named?.dims.join() === tensor.dims.join() ? named : prints.get(fingerprint(tensor))?.pop();
      if (!found || !right.delete(found)) removed.push(line(tensor));
    }
    const changed = [...this.changes].filter(([tensor]) => own.has(tensor)).map(([, change]) => change);
    return {
      unchanged: a.initializers.length - removed.length - changed.length,
      changed,
      removed,
      added: [...right].map(line),
    };
  }
}
