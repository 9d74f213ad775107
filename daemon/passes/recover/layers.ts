// Layers as accuracy recovery sees them: Conv, Gemm and MatMul with a constant FLOAT weight, how the weight is laid
// out over output channels and over what it reads, and how a weight or bias is replaced when somebody else uses it.

import { floatAttribute, intAttribute } from '../../ir/attributes';
import { floatTensor } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { Names } from '../names';
import { constantTensors, isOp } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';

/** A weight seen as outputs × K; channels of the input lie at `inputOf`. */
export interface Layer {
  readonly node: Node;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly outputs: number;
  readonly groups: number;
  /** Elements that one output channel multiplies: K of Gemm and MatMul, (channels / group) · kernel of Conv. */
  readonly k: number;
  /** Axis of the weight along the output channels. */
  readonly axis: number;
  /** Channels of the input. */
  readonly inputs: number;
  /** Position in the weight of element k of an output channel. */
  at(output: number, k: number): number;
  /** Channel of the input that element k of an output channel reads. */
  inputOf(output: number, k: number): number;
}

/** The layer of a node, or undefined when it is none that can be worked on. */
export function layerOf(node: Node, constants: ReadonlyMap<string, Tensor>): Layer | undefined {
  if (!isOp(node, 'Conv', 'Gemm', 'MatMul')) return undefined;
  const weight = constants.get(node.inputs[1] ?? '');
  if (weight?.dataType !== DataType.FLOAT || constants.has(node.inputs[0] ?? '')) return undefined;
  const biasName = isOp(node, 'MatMul') ? '' : (node.inputs[2] ?? '');
  const bias = constants.get(biasName);
  const base = { node, weight, bias };
  const { dims } = weight;
  if (isOp(node, 'Conv')) {
    if (dims.length < 3) return undefined;
    const groups = intAttribute(node, 'group', 1);
    const [outputs = 0, perGroup = 0] = dims;
    const kernel = elementCount(dims.slice(2));
    const k = perGroup * kernel;
    const size = outputs / groups;
    if ((biasName !== '' && !fits(bias, outputs)) || k === 0 || outputs === 0) return undefined;
    return {
      ...base,
      outputs,
      groups,
      k,
      axis: 0,
      inputs: perGroup * groups,
      at: (output, index) => output * k + index,
      inputOf: (output, index) => Math.floor(output / size) * perGroup + Math.floor(index / kernel),
    };
  }
  if (dims.length !== 2) return undefined;
  const gemm = isOp(node, 'Gemm');
  if (gemm && (intAttribute(node, 'transA', 0) !== 0 || floatAttribute(node, 'alpha', 1) !== 1))
    return undefined;
  if (gemm && floatAttribute(node, 'beta', 1) !== 1) return undefined;
  const turned = gemm && intAttribute(node, 'transB', 0) !== 0;
  const [first = 0, second = 0] = dims;
  const outputs = turned ? first : second;
  const k = turned ? second : first;
  if ((biasName !== '' && !fits(bias, outputs)) || k === 0 || outputs === 0) return undefined;
  return {
    ...base,
    outputs,
    groups: 1,
    k,
    axis: turned ? 0 : 1,
    inputs: k,
    at: turned ? (output, index) => output * k + index : (output, index) => index * outputs + output,
    inputOf: (_, index) => index,
  };
}

const fits = (bias: Tensor | undefined, outputs: number) =>
  bias?.dataType === DataType.FLOAT && elementCount(bias.dims) === outputs && bias.dims.at(-1) === outputs;

/** All layers of the main graph, in order. */
export function layersOf(model: Model): Layer[] {
  const constants = constantTensors(model.graph);
  return model.graph.nodes.flatMap((node) => layerOf(node, constants) ?? []);
}

/** Reads and replaces constants of a pass's own copy of a model; what another node reads too is copied first. */
export class Weights {
  private readonly index: GraphIndex;
  private readonly names: Names;
  private readonly changed = new Map<string, Float32Array>();

  constructor(
    private readonly model: Model,
    private readonly read: TensorReader,
  ) {
    this.index = indexGraph(model.graph);
    this.names = new Names(model);
  }

  /** True when nothing but this input of one node reads the constant. */
  alone(name: string): boolean {
    return this.index.consumers.get(name)?.length === 1 && !this.index.graphOutputs.has(name);
  }

  /** Values to change in place; they become the model's at `finish`. `position` is the input of the node. */
  async of(node: Node, position: number): Promise<Float32Array> {
    const name = node.inputs[position]!;
    const known = this.changed.get(name);
    if (known) return known;
    const { initializers } = this.model.graph;
    const tensor = initializers.find((each) => each.name === name)!;
    const values = Float32Array.from(await floatsOf(this.read, tensor));
    let own = name;
    if (!this.alone(name)) {
      own = this.names.fresh(name);
      initializers.push({ ...tensor, name: own });
      node.inputs[position] = own;
    }
    this.changed.set(own, values);
    return values;
  }

  /** The layer's bias to change in place; zeros are added where Conv or Gemm has none. */
  async bias({ node, weight, outputs }: Layer): Promise<Float32Array> {
    if ((node.inputs[2] ?? '') !== '') return this.of(node, 2);
    const name = this.names.fresh(`${weight.name}_bias`);
    const values = new Float32Array(outputs);
    this.model.graph.initializers.push(floatTensor(name, [outputs], values));
    node.inputs[2] = name;
    this.changed.set(name, values);
    return values;
  }

  /** Puts the changed values into the model. */
  finish(): void {
    const { graph } = this.model;
    graph.initializers = graph.initializers.map((tensor) => {
      const values = this.changed.get(tensor.name);
      return values ? withFloats(tensor, values) : tensor;
    });
  }
}
