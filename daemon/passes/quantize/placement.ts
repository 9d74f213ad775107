// Decides which nodes run in integers and which values are quantized, so that ONNX Runtime fuses every one of
// them and nothing is rounded for no gain:
//  1. Layers (Conv, Gemm, MatMul with constant weights) are taken when their values have ranges.
//  2. Relu and Clip that alone follow a layer are absorbed: the value after them is quantized, not the one before.
//  3. Other fusable operators join when they lie between integer nodes: reached from one and leading to one.
//  4. Values around an operator that only moves data share one scale (union-find).
//  5. A value made by an integer node gets one Quantize/Dequantize pair for all its readers, because a second
//     reader of the float value would undo the fusion; a value made in float is rounded for integer readers only.
//  6. MatMul and Gemm give float unless an integer node reads them: their output need not be rounded.
//  7. A gate (HardSigmoid) between integer nodes is another scale for its input (gates.ts): its value needs no pair.
//  8. A lone depthwise Conv between float nodes is put back: the conversions cost more than it gains.
// Emitting the nodes is static.ts; what an operator is, operators.ts.

import type { Diagnostic } from '../../base/diagnostic';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Node } from '../../ir/model';
import { isOp, onlyConsumer } from '../rewrite';
import { candidateOf, heavyOperators, type Candidate, type OperatorContext } from './operators';
import { gateUse, integerGate, type IntegerGate } from './gates';
import { isFiniteRange, type Range } from './params';
import { UnionFind } from './unionFind';

export interface QuantizedValue {
  readonly name: string;
  /** Values with the same group have the same scale and zero point; it is the name of one of them. */
  readonly group: string;
  /** Made by an integer node: every reader goes through the pair. Otherwise only integer readers do. */
  readonly atProducer: boolean;
}

export interface LeftNode {
  readonly node: Node;
  readonly why: string;
}

export interface Placement {
  /** Nodes that will run in integers, absorbed Relu and Clip included. */
  readonly integer: ReadonlyMap<Node, Candidate>;
  readonly values: ReadonlyMap<string, QuantizedValue>;
  /** Ranges of groups; empty when placed without ranges. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** Gates that run in integers, by node; their inputs' groups are quantized as these say. */
  readonly gates: ReadonlyMap<Node, IntegerGate>;
  /** Heavy operators that stay in float. */
  readonly left: readonly LeftNode[];
  readonly notes: readonly Diagnostic[];
}

export interface PlacementInput extends OperatorContext {
  /** Ranges of values, constants that are added or multiplied included; absent: every value is taken to have one. */
  readonly ranges?: ReadonlyMap<string, Range> | undefined;
  /** Nodes that must stay in float, with the reason. */
  readonly exclude?: ReadonlyMap<Node, string> | undefined;
  /** Names of values that must not be rounded. */
  readonly float?: ReadonlySet<string> | undefined;
  /** Leaves rule 8 out, to learn of every value that may be quantized. */
  readonly keepIslands?: boolean;
}

/** Both round all operands with one scale: beyond these ratios of ranges the narrower operand is lost in it. */
const largestRangeRatio: Readonly<Record<string, number>> = { Add: 256, Concat: 16 };

/** Places quantization on a graph; see the head of this file for the rules. */
export function place(input: PlacementInput): Placement {
  const exclude = new Map(input.exclude);
  for (;;) {
    const attempt = new Attempt(input, exclude);
    const islands = input.keepIslands === true ? [] : attempt.islands();
    if (islands.length === 0) return attempt.result();
    for (const node of islands) exclude.set(node, 'A lone depthwise convolution is faster in float.');
  }
}

class Attempt {
  private readonly index: GraphIndex;
  private readonly candidates = new Map<Node, Candidate>();
  private readonly integer = new Map<Node, Candidate>();
  /** Relu or Clip → the node whose result it clips. */
  private readonly absorbed = new Map<Node, Node>();
  private readonly why = new Map<Node, string>();
  private readonly notes: Diagnostic[] = [];
  private readonly groups = new UnionFind();
  private readonly values = new Map<string, { atProducer: boolean }>();
  private readonly gates = new Map<Node, IntegerGate>();

  constructor(
    private readonly input: PlacementInput,
    exclude: ReadonlyMap<Node, string>,
  ) {
    this.index = indexGraph(input.graph);
    for (const node of input.graph.nodes) {
      const found = exclude.get(node) ?? candidateOf(node, input);
      if (typeof found === 'string') this.why.set(node, found);
      else this.candidates.set(node, found);
    }
    this.takeLayers();
    this.takeBetween();
    this.settleClips();
    this.chooseValues();
  }

  private hasRange(value: string): boolean {
    if (this.input.float?.has(value) === true) return false;
    return this.input.ranges === undefined || isFiniteRange(this.rangeOf(value));
  }

  /** The measured range; that of a HardSigmoid is known without measuring. */
  private rangeOf(value: string): Range | undefined {
    const producer = this.index.producer.get(value);
    return this.input.ranges?.get(value) ?? (isOp(producer, 'HardSigmoid') ? { min: 0, max: 1 } : undefined);
  }

  private gateFits({ node, role, data, outputs, gate }: Candidate): boolean {
    if (role !== 'gate' || !gate) return true;
    const [input = ''] = data;
    const [output = ''] = outputs;
    const readers = this.index.consumers.get(output) ?? [];
    const moved = (nodes: readonly Node[]) =>
      nodes.some((reader) => this.candidates.get(reader)?.role === 'passThrough');
    const producer = this.index.producer.get(input);
    // Values that share a scale with others cannot take the one that the gate wants.
    const shared = producer && this.candidates.get(producer)?.role === 'passThrough';
    const others = this.index.consumers.get(input) ?? [];
    const gates = others.filter((reader) => this.candidates.get(reader)?.role === 'gate');
    if (shared === true || moved(readers) || moved(others) || gates.length > 1) return false;
    if (this.index.graphOutputs.has(output)) return false;
    const range = this.rangeOf(input);
    const made = range && integerGate(gate, range, gateUse(node, this.index));
    if (this.input.ranges && !made) return false;
    if (made) this.gates.set(node, made);
    return true;
  }

  private producerOf(value: string): Candidate | undefined {
    const producer = this.index.producer.get(value);
    return producer && this.integer.get(producer);
  }

  /** The Relu or Clip that alone reads the node's result. */
  private clipAfter({ outputs }: Candidate): Candidate | undefined {
    const only = onlyConsumer(outputs[0] ?? '', this.index);
    const clip = only && this.candidates.get(only);
    return clip?.role === 'clip' && this.hasRange(clip.outputs[0] ?? '') ? clip : undefined;
  }

  /** What the clip behind a node gives, whether it can be quantized or not. */
  private clippedOutputs({ outputs }: Candidate): readonly string[] {
    const only = onlyConsumer(outputs[0] ?? '', this.index);
    const clip = only && this.candidates.get(only);
    return clip?.role === 'clip' ? clip.outputs : [];
  }

  private takeLayers(): void {
    for (const [node, candidate] of this.candidates) {
      if (candidate.role !== 'layer') continue;
      const clip = candidate.needsOutput ? this.clipAfter(candidate) : undefined;
      const output = clip ? clip.outputs : candidate.needsOutput ? candidate.outputs : [];
      const missing = [...candidate.data, ...output].find((value) => !this.hasRange(value));
      const told = [...candidate.data, ...output, ...this.clippedOutputs(candidate)].find(
        (value) => this.input.float?.has(value) === true,
      );
      if (missing !== undefined && told !== undefined) {
        this.why.set(node, `Its value "${told}" was told to stay in float.`);
        continue;
      }
      if (missing !== undefined) {
        this.why.set(
          node,
          `No finite range was measured for its value "${missing}"; look for infinity or NaN in the data or in the weights before it.`,
        );
        this.notes.push({
          id: 'quantize/no-range',
          severity: 'warning',
          message: `${node.opType} stays in float: the calibration gave no finite range for "${missing}".`,
          where: { node: node.name, value: missing },
        });
        continue;
      }
      this.integer.set(node, candidate);
      if (clip) {
        this.integer.set(clip.node, clip);
        this.absorbed.set(clip.node, node);
      }
    }
  }

  /** Whether a fusable node may take the result of this one as it is: MatMul and Gemm would have to round it. */
  private feedsJoint = (producer: Candidate | undefined): boolean =>
    producer !== undefined && (producer.role !== 'layer' || producer.needsOutput);

  private canJoin(candidate: Candidate): boolean {
    const { node, role, constants } = candidate;
    if (role === 'layer' || this.integer.has(node)) return false;
    // The value between a node and the Relu that it absorbs is never quantized, so that nobody measured it.
    const outputs = ((role === 'joint' && this.clipAfter(candidate)) || candidate).outputs;
    const data = this.willBeAbsorbed(candidate) ? [] : candidate.data;
    if (![...data, ...constants, ...outputs].every((value) => this.hasRange(value))) return false;
    return (role !== 'joint' || !this.losesAnOperand(candidate, outputs)) && this.gateFits(candidate);
  }

  /** A clip that alone reads the result of a layer or of a node that computes. */
  private willBeAbsorbed({ node, role, data }: Candidate): boolean {
    if (role !== 'clip' || onlyConsumer(data[0] ?? '', this.index) !== node) return false;
    const producer = this.index.producer.get(data[0] ?? '');
    const before = producer && this.candidates.get(producer)?.role;
    return before === 'layer' || before === 'joint';
  }

  private losesAnOperand({ node, data, constants }: Candidate, outputs: readonly string[]): boolean {
    const { ranges } = this.input;
    const limit = largestRangeRatio[node.opType];
    if (!ranges || limit === undefined) return false;
    const width = (value: string) => {
      const range = this.rangeOf(value);
      return range ? Math.max(range.max, 0) - Math.min(range.min, 0) : 0;
    };
    const widest = Math.max(...outputs.map(width), ...data.map(width), ...constants.map(width));
    const narrowest = Math.min(...[...data, ...constants].map(width).filter((each) => each > 0));
    return widest > narrowest * limit;
  }

  /** Rule 3: forward from integer nodes, then backward from them; what both reach joins. */
  private takeBetween(): void {
    const reached = new Map<Node, Candidate>();
    for (const [node, candidate] of this.candidates) {
      if (!this.canJoin(candidate)) continue;
      const from = (value: string) => {
        const producer = this.index.producer.get(value);
        if (!producer) return false;
        if (reached.has(producer)) return true;
        const layer = this.integer.get(producer);
        const computes = candidate.role === 'joint' || candidate.role === 'gate';
        return computes ? this.feedsJoint(layer) : layer !== undefined;
      };
      if (candidate.data.some(from)) reached.set(node, candidate);
    }
    for (const [node, candidate] of [...reached].reverse()) {
      const leads = candidate.outputs.some((value) =>
        (this.index.consumers.get(value) ?? []).some((consumer) => this.readsAsData(consumer, value)),
      );
      if (leads) this.integer.set(node, candidate);
    }
  }

  private readsAsData(consumer: Node, value: string): boolean {
    return this.integer.get(consumer)?.data.includes(value) === true;
  }

  /** Rule 2 for the nodes that joined, and for MatMul and Gemm. */
  private settleClips(): void {
    for (const candidate of this.integer.values()) {
      if (candidate.role !== 'layer' && candidate.role !== 'joint') continue;
      const clip = this.clipAfter(candidate);
      if (clip && this.integer.has(clip.node)) this.absorbed.set(clip.node, candidate.node);
    }
  }

  private chooseValues(): void {
    const need = (value: string, atProducer: boolean) => {
      if (this.producerOf(value)?.role === 'gate') return;
      const before = this.values.get(value);
      this.values.set(value, { atProducer: atProducer || before?.atProducer === true });
      this.groups.add(value);
    };
    const clipped = new Set(this.absorbed.values());
    for (const candidate of this.integer.values()) {
      if (!this.absorbed.has(candidate.node)) {
        for (const value of candidate.data) need(value, this.producerOf(value) !== undefined);
        for (const value of candidate.constants) need(value, false);
      }
      if (candidate.needsOutput && !clipped.has(candidate.node)) {
        for (const value of candidate.outputs) need(value, true);
      }
      if (candidate.role === 'passThrough') this.groups.join(candidate.data[0]!, candidate.outputs[0]!);
    }
  }

  /** Rule 8: depthwise layers whose neighbours are all in float. */
  islands(): Node[] {
    const parts = new UnionFind<Node>();
    for (const node of this.integer.keys()) parts.add(node);
    for (const [value, { atProducer }] of this.values) {
      const producer = this.index.producer.get(value);
      if (!atProducer || !producer) continue;
      for (const consumer of this.index.consumers.get(value) ?? []) {
        if (this.integer.has(consumer)) parts.join(producer, consumer);
      }
    }
    for (const [clip, node] of this.absorbed) parts.join(clip, node);
    const layers = new Map<Node, Candidate[]>();
    for (const candidate of this.integer.values()) {
      if (candidate.role !== 'layer') continue;
      const root = parts.root(candidate.node);
      layers.set(root, [...(layers.get(root) ?? []), candidate]);
    }
    return [...layers.values()]
      .filter(([only, ...others]) => others.length === 0 && only?.depthwise === true)
      .flatMap((each) => each.map(({ node }) => node));
  }

  result(): Placement {
    const values = new Map<string, QuantizedValue>();
    const ranges = new Map<string, Range>();
    for (const [name, { atProducer }] of this.values) {
      const group = this.groups.root(name);
      values.set(name, { name, group, atProducer });
      const range = this.clippedRange(name);
      const before = ranges.get(group);
      if (range) {
        ranges.set(
          group,
          before ? { min: Math.min(before.min, range.min), max: Math.max(before.max, range.max) } : range,
        );
      }
    }
    const left = this.input.graph.nodes
      .filter((node) => heavyOperators.has(node.opType) && !this.integer.has(node))
      .map((node) => ({ node, why: this.why.get(node) ?? 'It lies between float operators.' }));
    const gates = new Map([...this.gates].filter(([node]) => this.integer.has(node)));
    return { integer: this.integer, values, ranges, gates, left, notes: this.notes };
  }

  /** A value after a clip stays inside its bounds, whatever range a calibrator chose. */
  private clippedRange(name: string): Range | undefined {
    const range = this.rangeOf(name);
    const bounds = this.index.producer.get(name);
    const clip = bounds && this.integer.get(bounds)?.bounds;
    if (!range || !clip) return range;
    return { min: Math.max(range.min, clip.min), max: Math.min(range.max, clip.max) };
  }
}
