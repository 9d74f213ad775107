// One graph as the matcher sees it: numbered nodes, and for every input the place where its value really comes from.
// Nodes that only change how a value is stored (casts, quantize and dequantize) are looked through, and whatever is
// computed from constants alone counts as a constant; so a graph and its quantized version have the same skeleton.

import { eachInSteps, type Steps } from '../../base/task';
import type { Graph, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import type { CaptureCache } from '../../ir/graphIndex';
import { bodiesOf } from '../../ir/graphIndex';
import { freeInputs } from '../summary';
import { bodyCaptures, sorting } from '../topology';

/** What `from` holds where the source is no node. */
export const Source = { absent: -1, constant: -2, input: -3, outer: -4 } as const;

/** A value that does not depend on the inputs. */
export interface Constant {
  /** The initializer, or the value of a Constant node; undefined when it is computed. */
  readonly tensor: Tensor | undefined;
  readonly name: string;
  /** Nodes that were looked through on the way to the tensor, the reader's neighbour first. */
  readonly through: readonly number[];
}

/** Sources of all inputs of all nodes, `start[n]` to `start[n + 1]`. */
export interface Edges {
  readonly start: Int32Array;
  /** Node position, or one of `Source`. */
  readonly from: Int32Array;
  /** Output slot of the node, position of the graph input, or position in `constants`. */
  readonly port: Int32Array;
}

export interface Use {
  readonly node: number;
  readonly slot: number;
  readonly port: number;
}

export interface DiffGraph {
  readonly graph: Graph;
  readonly nodes: readonly Node[];
  /** Node positions in running order. */
  readonly order: readonly number[];
  /** As written. */
  readonly raw: Edges;
  /** With transparent nodes looked through and constants as such. */
  readonly skeleton: Edges;
  readonly constants: readonly Constant[];
  /** 1 for nodes that the skeleton looks through, 2 for those computed from constants alone, else 0. */
  readonly hidden: Uint8Array;
  /** Readers in the skeleton: of each node, and of each graph input. */
  readonly uses: readonly (readonly Use[])[];
  readonly inputUses: readonly (readonly Use[])[];
  readonly inputNames: readonly string[];
  /** Where each graph output comes from. */
  readonly outputs: readonly { from: number; port: number; rawFrom: number; rawPort: number }[];
}

const transparentOps: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'CastLike',
  'Dropout',
  'QuantizeLinear',
  'DequantizeLinear',
]);

const random = /^(Random|Bernoulli|Multinomial)/;

/** Numbers a graph, in steps. Linear in nodes and edges; a name that nothing produces counts as one of a graph around it. */
export function* diffGraph(graph: Graph): Steps<DiffGraph> {
  const { nodes } = graph;
  const captures: CaptureCache = new Map();
  const inputs = freeInputs(graph);
  const inputAt = new Map(inputs.map(({ name }, at) => [name, at]));
  const producer = new Map<string, { node: number; port: number }>();
  yield* eachInSteps(nodes, (node, index) =>
    node.outputs.forEach((name, port) => {
      if (name !== '' && !producer.has(name)) producer.set(name, { node: index, port });
    }),
  );
  const constants: Constant[] = [];
  const constantAt = new Map<string, number>();
  const addConstant = (name: string, tensor: Tensor | undefined, through: readonly number[] = []) => {
    const known = constantAt.get(name);
    if (known !== undefined) return known;
    constantAt.set(name, constants.length);
    return constants.push({ tensor, name, through }) - 1;
  };
  const initializers = new Map<string, Tensor | undefined>();
  for (const tensor of graph.initializers) initializers.set(tensor.name, tensor);
  for (const { values } of graph.sparseInitializers) initializers.set(values.name, values);
  const outer = new Map<string, number>();

  const start = new Int32Array(nodes.length + 1);
  const rawFrom: number[] = [];
  const rawPort: number[] = [];
  const see = (name: string) => {
    if (name === '') return [Source.absent, 0] as const;
    const made = producer.get(name);
    if (made) return [made.node, made.port] as const;
    const input = inputAt.get(name);
    if (input !== undefined) return [Source.input, input] as const;
    if (initializers.has(name)) return [Source.constant, addConstant(name, initializers.get(name))] as const;
    if (!outer.has(name)) outer.set(name, outer.size);
    return [Source.outer, outer.get(name)!] as const;
  };
  yield;
  yield* eachInSteps(nodes, (node, index) => {
    const push = (name: string) => {
      const [from, port] = see(name);
      rawFrom.push(from);
      rawPort.push(port);
    };
    node.inputs.forEach(push);
    if (node.attributes.some(({ type }) => type === 'GRAPH' || type === 'GRAPHS')) {
      new Set(bodyCaptures(node, captures)).forEach(push);
    }
    start[index + 1] = rawFrom.length;
  });
  const raw: Edges = { start, from: Int32Array.from(rawFrom), port: Int32Array.from(rawPort) };
  const { order } = yield* sorting(nodes, captures);

  const hidden = new Uint8Array(nodes.length);
  /** Where the value of a hidden node really comes from. */
  const behind = new Map<number, readonly [from: number, port: number]>();
  const resolve = (from: number, port: number): readonly [number, number] =>
    from >= 0 && hidden[from]! > 0 ? (behind.get(from) ?? [from, port]) : [from, port];
  let done = 0;
  for (const index of order) {
    if ((done += 1) % 256 === 0) yield;
    const node = nodes[index]!;
    const first = start[index]!;
    const last = start[index + 1]!;
    const sources = [];
    for (let slot = first; slot < last; slot += 1) sources.push(resolve(raw.from[slot]!, raw.port[slot]!));
    const given = sources.filter(([from]) => from !== Source.absent);
    const name = node.outputs[0] ?? '';
    if (node.opType === 'Constant' && node.domain === '') {
      hidden[index] = 2;
      const value = node.attributes.find((attribute) => attribute.type === 'TENSOR');
      const tensor = value?.type === 'TENSOR' ? value.value : undefined;
      behind.set(index, [Source.constant, addConstant(name, tensor, [index])]);
    } else if (isTransparent(node) && sources.length > 0) {
      const [from, port] = sources[0]!;
      hidden[index] = 1;
      if (from === Source.constant) {
        const { tensor, through } = constants[port]!;
        behind.set(index, [Source.constant, addConstant(name, tensor, [index, ...through])]);
      } else behind.set(index, sources[0]!);
    } else if (
      given.length > 0 &&
      given.every(([from]) => from === Source.constant) &&
      !random.test(node.opType) &&
      bodiesOf(node).length === 0
    ) {
      hidden[index] = 2;
      behind.set(index, [Source.constant, addConstant(name, undefined, [index])]);
    }
  }
  const from = new Int32Array(raw.from.length);
  const port = new Int32Array(raw.from.length);
  const uses: Use[][] = nodes.map(() => []);
  const inputUses: Use[][] = inputs.map(() => []);
  for (let index = 0; index < nodes.length; index += 1) {
    if (index % 256 === 255) yield;
    for (let at = start[index]!; at < start[index + 1]!; at += 1) {
      [from[at], port[at]] = resolve(raw.from[at]!, raw.port[at]!);
      if (hidden[index]! > 0) continue;
      const use = { node: index, slot: at - start[index]!, port: port[at]! };
      if (from[at]! >= 0) uses[from[at]!]!.push(use);
      else if (from[at] === Source.input) inputUses[port[at]!]!.push(use);
    }
  }
  const outputs = graph.outputs.map(({ name }) => {
    const [madeFrom, madePort] = see(name);
    const [realFrom, realPort] = resolve(madeFrom, madePort);
    return { from: realFrom, port: realPort, rawFrom: madeFrom, rawPort: madePort };
  });
  return {
    graph,
    nodes,
    order,
    raw,
    skeleton: { start, from, port },
    constants,
    hidden,
    uses,
    inputUses,
    inputNames: inputs.map(({ name }) => name),
    outputs,
  };
}

/** Standard casts and (de)quantizers, and ONNX Runtime's of the same names. */
function isTransparent({ opType, domain }: Node): boolean {
  return transparentOps.has(opType) && (domain === '' || domain === 'ai.onnx' || domain === 'com.microsoft');
}
