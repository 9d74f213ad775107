// Calls of model-local functions become the nodes of the function, as a runtime would do when it loads the model:
// no other rewrite, and no way of quantizing, looks into a function.
// 1. A call, in the main graph or in a body → the function's nodes with the call's values and attributes in place.
//    Inner values and nodes get names that begin with the call's; calls inside a function are followed.
// 2. Functions that nothing calls any more go.
// Left alone, with a note: functions of domains for which runtimes have kernels of their own, functions written for
// an operator set that gives one of their operators another form than the model's does, functions that call
// themselves, and calls beyond `mostNodes`.

import { formAt } from '../../analysis/operators/operatorTable';
import { functionKey } from '../../analysis/scopes/scopes';
import { instantiate } from '../../analysis/shapes/functionCall';
import type { Diagnostic } from '../../base/diagnostic';
import { breathe, type Task } from '../../base/task';
import { graph as makeGraph, node as makeNode } from '../../ir/builder';
import { cloneGraph, cloneModel } from '../../ir/clone';
import { bodiesOf } from '../../ir/graphIndex';
import type { FunctionDef, Graph, Model, Node } from '../../ir/model';
import { Names } from '../names';
import type { Pass } from '../pass';
import { nameOf } from '../quantize/outcome';
import { definedByNodes, renameInNodes } from './renameValues';

/** Nodes that a model may grow to; a function that is called by a function that is called … grows fast. */
const mostNodes = 200_000;

/** Domains whose operators runtimes implement; a function there is a fall-back, and the kernel is better. */
const hasKernels = (domain: string) =>
  domain === '' || domain === 'ai.onnx' || /^(ai\.onnx\.|com\.(microsoft|ms)(\.|$))/u.test(domain);

const standard = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

export const inlineFunctions: Pass = {
  name: 'inline functions',
  async run(model, task) {
    if (model.functions.length === 0) return { model, modified: false };
    const inliner = new Inliner(cloneModel(model));
    const notes = await inliner.run(task);
    return inliner.calls === 0 && inliner.copy.functions.length === model.functions.length
      ? { model, modified: false, notes }
      : { model: inliner.copy, modified: true, notes };
  },
};

class Inliner {
  /** Calls that were replaced. */
  calls = 0;
  private readonly functions: ReadonlyMap<string, FunctionDef>;
  private readonly names: Names;
  private readonly nodeNames: Set<string>;
  private readonly objections = new Map<string, string | undefined>();
  private readonly left = new Map<string, { readonly node: string; readonly why: string }>();
  private nodes = 0;

  /** `copy` is the pass's own. */
  constructor(readonly copy: Model) {
    this.functions = new Map(
      copy.functions.map((each) => [functionKey(each.domain, each.name, each.overload), each]),
    );
    this.names = new Names(copy);
    this.nodeNames = new Set([...allNodes(copy.graph.nodes)].map(({ name }) => name));
  }

  async run(task: Task): Promise<Diagnostic[]> {
    const { copy } = this;
    await this.expandGraph(copy.graph, [], task);
    const called = this.reachable();
    const gone = copy.functions.filter(
      ({ domain, name, overload }) => !called.has(functionKey(domain, name, overload)),
    );
    copy.functions = copy.functions.filter((each) => !gone.includes(each));
    this.dropImports(new Set(gone.map(({ domain }) => domain)));
    return [...this.left].map(([name, { node, why }]) => ({
      id: 'simplify/function-stays',
      severity: 'info',
      message: `Function ${name} stays a function, and nothing inside it is rewritten: ${why}`,
      where: { node },
    }));
  }

  private async expandGraph(graph: Graph, calling: readonly string[], task: Task): Promise<void> {
    graph.nodes = await this.expand(graph.nodes, calling, graph, task);
  }

  private async expand(
    nodes: readonly Node[],
    calling: readonly string[],
    graph: Graph,
    task: Task,
  ): Promise<Node[]> {
    const out: Node[] = [];
    for (const node of nodes) {
      await breathe(task);
      for (const body of bodiesOf(node)) await this.expandGraph(body, calling, task);
      const key = functionKey(node.domain, node.opType, node.overload);
      const definition = this.functions.get(key);
      const why = definition && this.objection(definition, key, calling);
      if (!definition || why !== undefined) {
        if (why !== undefined && !this.left.has(key)) this.left.set(key, { node: nameOf(node), why });
        out.push(node);
        this.nodes += 1;
        continue;
      }
      this.calls += 1;
      out.push(...(await this.expand(this.bodyOf(definition, node, graph), [...calling, key], graph, task)));
    }
    return out;
  }

  /** Why the function cannot be put in the place of its calls. */
  private objection(definition: FunctionDef, key: string, calling: readonly string[]): string | undefined {
    if (calling.includes(key)) return 'it calls itself.';
    if (this.nodes > mostNodes) return `the model would grow beyond ${mostNodes.toLocaleString('en')} nodes.`;
    if (!this.objections.has(key)) this.objections.set(key, this.mismatch(definition));
    return this.objections.get(key);
  }

  private mismatch({ domain, opsetImports, nodes }: FunctionDef): string | undefined {
    if (hasKernels(domain))
      return `runtimes have operators of their own in ${domain || 'the standard domain'}.`;
    const known = new Map(this.copy.opsetImports.map((each) => [standard(each.domain), each.version]));
    const own = new Map(opsetImports.map((each) => [standard(each.domain), each.version]));
    for (const node of allNodes(nodes)) {
      const of = standard(node.domain);
      const [theirs, ours] = [own.get(of), known.get(of)];
      if (theirs === undefined || ours === undefined || theirs === ours) continue;
      const form = formAt(of, node.opType, theirs);
      if (form === undefined || form !== formAt(of, node.opType, ours))
        return `it is written for operator set ${theirs}, the model for ${ours}, and ${node.opType} is not the same in both.`;
    }
    return undefined;
  }

  /** The function's nodes for one call, under names that nothing has. */
  private bodyOf(definition: FunctionDef, call: Node, graph: Graph): Node[] {
    const { opsetImports, inputs, outputs, valueInfo } = definition;
    for (const each of opsetImports)
      if (!this.copy.opsetImports.some(({ domain }) => standard(domain) === standard(each.domain)))
        this.copy.opsetImports.push({ ...each });
    const { nodes } = cloneGraph(makeGraph({ nodes: instantiate(definition, call).nodes }));
    const prefix = nameOf(call);
    const names = new Map<string, string>();
    inputs.forEach((name, i) => names.set(name, call.inputs[i] ?? ''));
    const made = new Set(nodes.flatMap((node) => node.outputs));
    for (const name of definedByNodes(nodes)) names.set(name, this.names.fresh(`${prefix}/${name}`));
    const identities: Node[] = [];
    const given = new Set<string>();
    outputs.forEach((name, i) => {
      const wanted = call.outputs[i] ?? '';
      if (wanted === '') return;
      if (made.has(name) && !given.has(name)) names.set(name, wanted);
      else identities.push(makeNode('Identity', [names.get(name) ?? name], [wanted]));
      given.add(name);
    });
    renameInNodes(nodes, names);
    for (const node of allNodes(nodes))
      if (node.name !== '') node.name = this.freshNode(`${prefix}/${node.name}`);
    graph.valueInfo.push(
      ...valueInfo
        .filter(({ name }) => made.has(name) && !graphStates(graph, names.get(name) ?? name))
        .map((info) => ({ ...info, name: names.get(info.name) ?? info.name })),
    );
    return [...nodes, ...identities];
  }

  /** Nodes and values may share a name, and do so in most exports; two nodes may not. */
  private freshNode(base: string): string {
    let name = base;
    for (let i = 2; this.nodeNames.has(name); i += 1) name = `${base}_${i}`;
    this.nodeNames.add(name);
    return name;
  }

  /** Keys of the functions that are still called, from the graph or from each other. */
  private reachable(): Set<string> {
    const called = new Set<string>();
    const pending: (readonly Node[])[] = [this.copy.graph.nodes];
    for (let nodes = pending.pop(); nodes; nodes = pending.pop()) {
      for (const node of allNodes(nodes)) {
        const key = functionKey(node.domain, node.opType, node.overload);
        const definition = this.functions.get(key);
        if (!definition || called.has(key)) continue;
        called.add(key);
        pending.push(definition.nodes);
      }
    }
    return called;
  }

  /** Imports of domains that only the functions that went needed. */
  private dropImports(domains: ReadonlySet<string>): void {
    const { copy } = this;
    const used = new Set<string>();
    for (const nodes of [copy.graph.nodes, ...copy.functions.map((each) => each.nodes)])
      for (const node of allNodes(nodes)) used.add(node.domain);
    for (const each of copy.functions) used.add(each.domain);
    copy.opsetImports = copy.opsetImports.filter(({ domain }) => !domains.has(domain) || used.has(domain));
  }
}

const graphStates = (graph: Graph, name: string) =>
  [...graph.outputs, ...graph.valueInfo].some((info) => info.name === name);

function* allNodes(nodes: readonly Node[]): Generator<Node, void, undefined> {
  for (const node of nodes) {
    yield node;
    for (const body of bodiesOf(node)) yield* allNodes(body.nodes);
  }
}
