// Static int8: QuantizeLinear and DequantizeLinear around the nodes that placement.ts chose, with the types
// that a scheme (scheme.ts) names and int32 biases. ONNX Runtime fuses them into integer kernels. Ranges come in as
// arguments; which ones are wanted, `valuesToCalibrate` says. How a step looks is stepEmitter.ts.

import { breathe, type Task } from '../../base/task';
import { unsupported } from '../../base/errors';
import { floatTensor } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { collectFacts, type Facts } from '../facts';
import type { Pass } from '../pass';
import { constantTensors, isOp, onlyConsumer, replaceUses, standardOpset } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';
import { biasScales, leastWeightScale, quantizeBias } from './bias';
import { LayerParts, weightKey } from './layerParts';
import { groupTypes } from './groupTypes';
import { integerArray, integerTensor } from './integerTensor';
import { candidateOf, heavyOperators, type Candidate } from './operators';
import {
  bodyNotes,
  leftNode,
  markQuantized,
  nameOf,
  nothingTaken,
  refusal,
  type QuantizeOutcome,
} from './outcome';
import { quantizeValues, quantParams, rangeOf, type QuantParams, type Range } from './params';
import { place, type Placement } from './placement';
import {
  activationType,
  defaultScheme,
  is16Bit,
  schemeText,
  weightRange,
  weightZero,
  type Scheme,
  type TensorType,
} from './scheme';
import { StepEmitter } from './stepEmitter';
import { quantizeWeight, weightScales } from './weights';

export interface StaticOptions {
  /** Smallest and largest value seen, by value name; a value without one stays in float. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** Names of nodes that must stay in float. */
  readonly exclude?: ReadonlySet<string>;
  /** Others that must, and the sentence why. */
  readonly reverted?: { readonly names: ReadonlySet<string>; readonly why: string } | undefined;
  /** Names of values that must not be rounded. */
  readonly float?: ReadonlySet<string> | undefined;
  /** Names of the only layers to quantize; all when absent. */
  readonly only?: ReadonlySet<string> | undefined;
  /** U8S8 per channel when absent. */
  readonly scheme?: Scheme | undefined;
  /** Other integers than the scheme's, by names of values and weights. */
  readonly types?: ReadonlyMap<string, TensorType> | undefined;
}

/** Per-channel QuantizeLinear came with this operator set. */
export const staticOpset = 13;
const layers = ['Conv', 'Gemm', 'MatMul'] as const;
/** 16-bit QuantizeLinear came with this operator set; before, ONNX Runtime has it in a domain of its own. */
const wideOpset = 21;

const toldToStay = 'It was told to stay in float.';

/**
 * Names of the float values whose ranges static quantization of this (simplified) model needs, with and without the
 * nodes of `exclude`: where a Clip stays in float, the value before it is quantized. Never throws for a model that
 * cannot be quantized; `quantizeStatic` says why.
 */
export async function valuesToCalibrate(
  model: Model,
  read: TensorReader,
  scheme?: Scheme,
  exclude: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const { graph } = model;
  const constants = constantTensors(graph);
  const facts = await collectFacts(model, read);
  const input = { graph, constants, facts, scheme, keepIslands: true };
  const names = new Set(place(input).values.keys());
  const kept = graph.nodes.filter((node) => exclude.has(nameOf(node)));
  if (kept.length > 0) {
    const without = new Map(kept.map((node) => [node, toldToStay]));
    for (const name of place({ ...input, exclude: without }).values.keys()) names.add(name);
  }
  return [...names].filter((name) => !constants.has(name));
}

/** Quantizes a float model of opset 13 or newer; simplify it first. See the head of placement.ts for what is chosen. */
export const quantizeStatic = (read: TensorReader, options: StaticOptions): Pass<QuantizeOutcome> => ({
  name: 'quantize static',
  requires: (model) =>
    refusal(model, 'static int8', layers) ??
    (standardOpset(model) < staticOpset
      ? `Static int8 needs operator set ${staticOpset}, and this model uses ${standardOpset(model)}.`
      : undefined),
  run: (model, task) => new StaticQuantizer(cloneModel(model), read, options).run(task),
});

class StaticQuantizer {
  private readonly constants: Map<string, Tensor>;
  private readonly emitter: StepEmitter;
  private readonly parts: LayerParts;
  private readonly exclude = new Map<Node, string>();
  private readonly ranges: Map<string, Range>;
  /** Scales of each quantized form of a weight, by key. */
  private readonly scales = new Map<string, Float32Array>();
  /** Name of the dequantized form of a weight, by key. */
  private readonly dequantized = new Map<string, string>();
  private facts!: Facts;
  private placement!: Placement;
  /** What gates ask of their inputs, by group. */
  private readonly gateInputs = new Map<string, QuantParams>();
  private readonly scheme: Scheme;
  private readonly types: ReadonlyMap<string, TensorType>;
  /** Integers of the groups for which others than the scheme's were asked. */
  private groupTypes: ReadonlyMap<string, TensorType> = new Map();

  constructor(
    private readonly model: Model,
    private readonly read: TensorReader,
    private readonly options: StaticOptions,
  ) {
    this.constants = constantTensors(model.graph);
    this.parts = new LayerParts(this.constants, read);
    this.ranges = new Map(options.ranges);
    this.scheme = options.scheme ?? defaultScheme;
    this.types = options.types ?? new Map<string, TensorType>();
    const wide = is16Bit(this.scheme) || [...this.types.values()].some((type) => type.endsWith('16'));
    const domain = wide && standardOpset(model) < wideOpset ? 'com.microsoft' : '';
    this.emitter = new StepEmitter(model, domain);
    const { reverted } = options;
    for (const node of model.graph.nodes) {
      if (reverted?.names.has(nameOf(node)) === true) this.exclude.set(node, reverted.why);
      const others = options.only && heavyOperators.has(node.opType) && !options.only.has(nameOf(node));
      if (options.exclude?.has(nameOf(node)) === true || others === true) this.exclude.set(node, toldToStay);
    }
  }

  async run(task: Task): Promise<QuantizeOutcome> {
    const { graph } = this.model;
    this.facts = await collectFacts(this.model, this.read);
    const context = { graph, constants: this.constants, facts: this.facts, scheme: this.scheme };
    for (const node of graph.nodes) {
      await breathe(task);
      const candidate = candidateOf(node, context);
      if (typeof candidate === 'object') await this.survey(candidate, task);
    }
    const { exclude, ranges } = this;
    this.placement = place({ ...context, ranges, exclude, float: this.options.float });
    const left = this.placement.left.map(leftNode);
    const chosen = [...this.placement.integer.values()];
    if (chosen.length === 0) throw unsupported(nothingTaken(left));
    this.groupTypes = groupTypes(this.placement, this.types);
    for (const [node, gate] of this.placement.gates)
      this.gateInputs.set(this.placement.values.get(node.inputs[0]!)!.group, gate.input);
    const quantizedNodes = chosen.map(({ node }) => nameOf(node));

    const index = indexGraph(graph);
    const taken = chosen.filter(({ role }) => role === 'layer');
    for (const { node } of taken) await this.makeRoomForBias(node);
    for (const [done, candidate] of taken.entries()) {
      await breathe(task);
      task.report({ stage: 'Quantizing', done, total: taken.length });
      await this.emitLayer(candidate, index, task);
    }
    task.report({ stage: 'Quantizing', done: taken.length, total: taken.length });
    const gates = [...this.placement.gates].map(([node, gate]) => ({ node, gate, input: node.inputs[0]! }));
    await this.emitValues();
    for (const { node, gate, input } of gates) this.emitter.gate(node, gate, this.quantized.get(input)!);
    this.emitter.finish(new Set(this.placement.gates.keys()));
    this.dropUnread();
    const read = indexGraph(graph);
    graph.initializers = graph.initializers.filter(
      ({ name }) => !this.constants.has(name) || read.consumers.has(name) || read.graphOutputs.has(name),
    );
    markQuantized(
      this.model,
      `static ${is16Bit(this.scheme) ? 'int16' : 'int8'}, ${schemeText(this.scheme)}`,
    );
    const notes = [...this.placement.notes, ...bodyNotes(graph)];
    return { model: this.model, modified: true, notes, quantizedNodes, left };
  }

  /** Reads a candidate's constants once for their scales or ranges; values that are no numbers exclude it. */
  private async survey({ node, role, constants, axis }: Candidate, task: Task): Promise<void> {
    for (const name of constants) {
      const tensor = this.constants.get(name);
      if (tensor?.dataType === DataType.FLOAT && !this.ranges.has(name))
        this.ranges.set(name, rangeOf(await floatsOf(this.read, tensor)));
    }
    const key = weightKey(node, axis);
    if (role !== 'layer' || this.scales.has(key)) return;
    const tensor = this.constants.get(node.inputs[1]!)!;
    const values = await this.parts.weightValues(node);
    const scales = await weightScales(values, tensor.dims, axis, task, weightRange(this.scheme));
    if (scales) this.scales.set(key, scales);
    else this.exclude.set(node, 'Its weight holds NaN or infinity.');
    if ((await this.parts.biasValues(node))?.some((value) => !Number.isFinite(value)) === true)
      this.exclude.set(node, 'Its bias holds NaN or infinity.');
  }

  private paramsOf(value: string): QuantParams {
    const { group } = this.placement.values.get(value)!;
    const range = this.placement.ranges.get(group)!;
    const symmetric = this.scheme.symmetric && range.min < 0;
    return this.gateInputs.get(group) ?? quantParams(range, this.typeOf(value).range, symmetric);
  }

  private typeOf(value: string) {
    const { group } = this.placement.values.get(value)!;
    return activationType({ activations: this.groupTypes.get(group) ?? this.scheme.activations });
  }

  private async makeRoomForBias(node: Node): Promise<void> {
    const bias = await this.parts.biasValues(node);
    if (!bias) return;
    const scales = this.scales.get(weightKey(node, this.placement.integer.get(node)!.axis))!;
    const { scale } = this.paramsOf(node.inputs[0]!);
    for (const [i, value] of bias.entries()) {
      const channel = scales.length === 1 ? 0 : i;
      const least = Math.fround(leastWeightScale(value, scale));
      if (scales[channel]! < least) scales[channel] = least;
    }
  }

  private async emitLayer({ node, axis }: Candidate, index: GraphIndex, task: Task): Promise<void> {
    const key = weightKey(node, axis);
    const scales = this.scales.get(key)!;
    const tensor = this.constants.get(node.inputs[1]!)!;
    let weight = this.dequantized.get(key);
    if (weight === undefined) {
      const values = await this.parts.weightValues(node);
      const data = await quantizeWeight(values, tensor.dims, axis, scales, task, weightRange(this.scheme));
      const asked = this.types.get(tensor.name);
      const zero = weightZero(asked === 'int8' || asked === 'uint8' ? asked : this.scheme.weights);
      const integers = zero === 0 ? data : Uint8Array.from(data, (q) => q + zero);
      const type = zero === 0 ? DataType.INT8 : DataType.UINT8;
      weight = this.emitter.dequantizeConstant(node, tensor.name, { scales, axis, type, zero }, (name) =>
        integerTensor(name, type, tensor.dims, integers),
      );
      this.dequantized.set(key, weight);
    }
    const bias = await this.parts.biasValues(node);
    const biasName = node.inputs[2];
    const biasScale = biasScales(this.paramsOf(node.inputs[0]!).scale, scales);
    node.inputs[1] = weight;
    if (bias && biasName !== undefined) {
      node.inputs[2] = this.emitter.dequantizeConstant(
        node,
        biasName,
        { scales: biasScale, axis: scales.length === 1 ? undefined : 0, type: DataType.INT32, zero: 0 },
        (name) => integerTensor(name, DataType.INT32, [bias.length], quantizeBias(bias, biasScale)),
      );
    }
    if (isOp(node, 'Gemm')) {
      node.attributes = node.attributes.filter(({ name }) => name !== 'alpha' && name !== 'beta');
    }
    if (isOp(node, 'MatMul')) this.keepBiasApart(node, index);
  }

  /**
   * ONNX Runtime turns MatMul + Add of a row into a Gemm with a float bias, which does not fuse. A bias of
   * more dimensions than a row keeps it from doing so; it is only possible where the result has as many.
   */
  private keepBiasApart(matMul: Node, index: GraphIndex): void {
    const add = onlyConsumer(matMul.outputs[0]!, index);
    const rank = this.facts.rank(matMul.outputs[0]!);
    if (!isOp(add, 'Add') || rank === undefined || rank < 3) return;
    const position = add.inputs[0] === matMul.outputs[0] ? 1 : 0;
    const bias = this.constants.get(add.inputs[position]!);
    if (bias?.dims.length !== 1) return;
    add.inputs[position] = this.emitter.constant(`${bias.name}_row`, (name) => ({
      ...bias,
      name,
      dims: [1, 1, ...bias.dims],
    }));
  }

  /** Scale and zero point of a group, made when the first of its values needs them. */
  private readonly groupConstants = new Map<string, readonly [string, string]>();

  private constantsOf(value: string): readonly [string, string] {
    const { group } = this.placement.values.get(value)!;
    const found = this.groupConstants.get(group);
    if (found) return found;
    const { scale, zeroPoint } = this.paramsOf(value);
    const made = [
      this.emitter.constant(`${group}_scale`, (name) => floatTensor(name, [], [scale])),
      this.emitter.constant(`${group}_zero_point`, (name) =>
        integerTensor(name, this.typeOf(value).dataType, [], [zeroPoint]),
      ),
    ] as const;
    this.groupConstants.set(group, made);
    return made;
  }

  /** Quantized form of each value that has one. */
  private readonly quantized = new Map<string, string>();

  /** A float value that only gates read, and they read its bytes: ONNX Runtime would go on computing it. */
  private dropUnread(): void {
    const { graph } = this.model;
    const { consumers, graphOutputs } = indexGraph(graph);
    graph.nodes = graph.nodes.filter(
      ({ opType, outputs: [output = ''] }) =>
        opType !== 'DequantizeLinear' || consumers.has(output) || graphOutputs.has(output),
    );
  }

  private async emitValues(): Promise<void> {
    const { graph } = this.model;
    const index = indexGraph(graph);
    const everywhere = new Map<string, string>();
    const forIntegerNodes = new Map<string, string>();
    for (const { name, atProducer } of this.placement.values.values()) {
      const [scale, zero] = this.constantsOf(name);
      const constant = this.constants.get(name);
      if (constant) {
        const q = await this.quantizedConstant(constant);
        const output = this.emitter.fresh(`${name}_dequantized`);
        const names = { node: `${name}_DequantizeLinear`, output };
        this.emitter.atStart(this.emitter.step('DequantizeLinear', [q, scale, zero], names));
        forIntegerNodes.set(name, output);
        continue;
      }
      const producer = index.producer.get(name);
      let source = name;
      let output = name;
      if (atProducer && index.graphOutputs.has(name) && producer) {
        // The graph output keeps its name and stays float: the DequantizeLinear makes it now.
        source = this.emitter.fresh(`${name}_float`);
        producer.outputs = producer.outputs.map((each) => (each === name ? source : each));
      } else {
        output = this.emitter.fresh(`${name}_dequantized`);
        (atProducer ? everywhere : forIntegerNodes).set(name, output);
      }
      const quantized = this.emitter.fresh(`${name}_quantized`);
      this.quantized.set(name, quantized);
      const pair = [
        this.emitter.step('QuantizeLinear', [source, scale, zero], {
          node: `${name}_QuantizeLinear`,
          output: quantized,
        }),
        this.emitter.step('DequantizeLinear', [quantized, scale, zero], {
          node: `${name}_DequantizeLinear`,
          output,
        }),
      ];
      if (producer) this.emitter.putAfter(producer, ...pair);
      else this.emitter.atStart(...pair);
    }
    replaceUses(graph.nodes, everywhere);
    for (const { node, data, constants } of this.placement.integer.values()) {
      const own = new Set([...data, ...constants]);
      node.inputs = node.inputs.map((name) => (own.has(name) ? (forIntegerNodes.get(name) ?? name) : name));
    }
  }

  private async quantizedConstant(tensor: Tensor): Promise<string> {
    const values = await floatsOf(this.read, tensor);
    const { dataType, range } = this.typeOf(tensor.name);
    const out = integerArray(dataType, values.length);
    quantizeValues(values, this.paramsOf(tensor.name), range, out);
    return this.emitter.constant(`${tensor.name}_quantized`, (name) =>
      integerTensor(name, dataType, tensor.dims, out),
    );
  }
}
