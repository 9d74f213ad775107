// Dynamic int8: MatMul and Gemm with constant weights become DynamicQuantizeLinear → MatMulInteger → Cast →
// Mul by both scales (→ Add of the bias). Activations get their scale at run time, so that no data is needed.
// ONNX Runtime fuses the nodes into DynamicQuantizeMatMul or MatMulIntegerToFloat. Conv is left alone: its
// integer form is missing in older runtimes, and static quantization suits it better.

import { breathe, type Task } from '../../base/task';
import { unsupported } from '../../base/errors';
import { floatAttribute, intAttribute } from '../../ir/attributes';
import { floatTensor, int8Tensor, rawTensor } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { constantTensors, isOp, isStandard, standardOpset } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';
import { Emitter } from './emitter';
import { heavyOperators } from './operators';
import {
  bodyNotes,
  markQuantized,
  nameOf,
  nothingTaken,
  refusal,
  type Left,
  type QuantizeOutcome,
} from './outcome';
import { quantizeWeight, weightScales } from './weights';

export interface DynamicOptions {
  /** Names of nodes that must stay in float. */
  readonly exclude?: ReadonlySet<string>;
}

/** DynamicQuantizeLinear came with this operator set. */
export const dynamicOpset = 11;
const layers = ['Gemm', 'MatMul'] as const;

/** Quantizes the matrix products of a float model of opset 11 or newer; simplify it first. */
export const quantizeDynamic = (read: TensorReader, options: DynamicOptions = {}): Pass<QuantizeOutcome> => ({
  name: 'quantize dynamic',
  requires: (model) =>
    refusal(model, 'dynamic int8', layers) ??
    (standardOpset(model) < dynamicOpset
      ? `Dynamic int8 needs operator set ${dynamicOpset}, and this model uses ${standardOpset(model)}.`
      : undefined),
  run: (model, task) => new DynamicQuantizer(cloneModel(model), read, options).run(task),
});

/** A weight as MatMulInteger takes it: K rows, N columns, one scale for each column. */
interface IntegerWeight {
  readonly quantized: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

class DynamicQuantizer {
  private readonly constants: Map<string, Tensor>;
  private readonly emitter: Emitter;
  /** By tensor, orientation and factor; undefined when the weight is not finite. */
  private readonly weights = new Map<string, IntegerWeight | undefined>();
  /** Outputs of DynamicQuantizeLinear, one for all layers that read a value. */
  private readonly activations = new Map<string, readonly [string, string, string]>();
  private readonly left: Left[] = [];

  constructor(
    private readonly model: Model,
    private readonly read: TensorReader,
    private readonly options: DynamicOptions,
  ) {
    this.constants = constantTensors(model.graph);
    this.emitter = new Emitter(model);
  }

  async run(task: Task): Promise<QuantizeOutcome> {
    const { graph } = this.model;
    const nodes = graph.nodes.filter((node) => isStandard(node) && heavyOperators.has(node.opType));
    const replaced = new Set<Node>();
    for (const [done, node] of nodes.entries()) {
      await breathe(task);
      task.report({ stage: 'Quantizing', done, total: nodes.length });
      const why = this.objection(node) ?? (await this.replace(node, task));
      if (why === undefined) replaced.add(node);
      else this.left.push({ node: nameOf(node), op: node.opType, why });
    }
    if (replaced.size === 0) throw unsupported(nothingTaken(this.left));
    this.emitter.finish(replaced);
    const index = indexGraph(graph);
    graph.initializers = graph.initializers.filter(
      ({ name }) => !this.constants.has(name) || index.consumers.has(name) || index.graphOutputs.has(name),
    );
    markQuantized(this.model, 'dynamic int8');
    return {
      model: this.model,
      modified: true,
      notes: bodyNotes(graph),
      quantizedNodes: [...replaced].map(nameOf),
      left: this.left,
    };
  }

  /** Why this node stays as it is, as far as its structure tells. */
  private objection(node: Node): string | undefined {
    if (this.options.exclude?.has(nameOf(node)) === true) return 'It was told to stay in float.';
    if (!isOp(node, ...layers))
      return `Dynamic int8 takes MatMul and Gemm only; use static int8 for ${node.opType}.`;
    const weight = this.constants.get(node.inputs[1] ?? '');
    if (!weight && this.model.graph.inputs.some(({ name }) => name === node.inputs[1]))
      return `Its weight "${node.inputs[1]!}" is an input of the model, not a constant.`;
    if (!weight) return 'Its weight is computed while the model runs.';
    if (weight.dataType !== DataType.FLOAT) return 'Its weight is not float32.';
    if (weight.dims.length !== 2) return 'Its weight is not a matrix.';
    if (elementCount(weight.dims) === 0) return 'Its weight is empty.';
    if (this.constants.has(node.inputs[0] ?? '')) return 'Its input is a constant.';
    if (isOp(node, 'MatMul')) return undefined;
    if (intAttribute(node, 'transA', 0) !== 0) return 'It transposes its input.';
    const bias = node.inputs[2] ?? '';
    if (
      bias !== '' &&
      floatAttribute(node, 'beta', 1) !== 1 &&
      this.constants.get(bias)?.dataType !== DataType.FLOAT
    )
      return 'Its bias is computed while the model runs and is scaled.';
    return undefined;
  }

  /** Puts the integer form around the node; a sentence when the weight forbids it. */
  private async replace(node: Node, task: Task): Promise<string | undefined> {
    const weight = await this.weightOf(node, task);
    if (!weight) return 'Its weight holds NaN or infinity.';
    const [input = ''] = node.inputs;
    const output = node.outputs[0]!;
    const base = nameOf(node);
    const [quantized, inputScale, inputZero] = this.activationOf(input, node);
    const bias = isOp(node, 'Gemm') ? await this.biasOf(node) : '';
    const value = (suffix: string) => this.emitter.fresh(`${output}_${suffix}`);
    const integer = value('integer');
    const float = value('cast');
    const scale = value('scale');
    const product = bias === '' ? output : value('scaled');
    const add = (opType: string, inputs: readonly string[], name: string, to: string, attributes = {}) =>
      this.emitter.putAfter(node, this.emitter.node(opType, inputs, { node: name, output: to }, attributes));
    // The part that computes keeps the node's own name, so that reports can be traced back.
    this.emitter.putAfter(node, {
      ...this.emitter.node('MatMulInteger', [quantized, weight.quantized, inputZero, weight.zeroPoint], {
        node: `${base}_MatMulInteger`,
        output: integer,
      }),
      name: node.name,
      docString: node.docString,
      metadataProps: node.metadataProps,
    });
    add('Cast', [integer], `${base}_Cast`, float, { to: BigInt(DataType.FLOAT) });
    add('Mul', [inputScale, weight.scale], `${base}_scale_Mul`, scale);
    add('Mul', [float, scale], `${base}_Mul`, product);
    if (bias !== '') add('Add', [product, bias], `${base}_Add`, output);
    return undefined;
  }

  private activationOf(input: string, reader: Node): readonly [string, string, string] {
    const found = this.activations.get(input);
    if (found) return found;
    const made = ['quantized', 'scale', 'zero_point'].map((part) =>
      this.emitter.fresh(`${input}_${part}`),
    ) as unknown as readonly [string, string, string];
    const node = this.emitter.node('DynamicQuantizeLinear', [input], {
      node: `${input}_DynamicQuantizeLinear`,
      output: made[0],
    });
    node.outputs = [...made];
    // Layers are visited in running order, so that the first reader comes before all others.
    this.emitter.putBefore(reader, node);
    this.activations.set(input, made);
    return made;
  }

  private async weightOf(node: Node, task: Task): Promise<IntegerWeight | undefined> {
    const tensor = this.constants.get(node.inputs[1]!)!;
    const gemm = isOp(node, 'Gemm');
    const transposed = gemm && intAttribute(node, 'transB', 0) !== 0;
    const alpha = gemm ? floatAttribute(node, 'alpha', 1) : 1;
    const key = `${transposed}:${alpha}:${tensor.name}`;
    if (this.weights.has(key)) return this.weights.get(key);
    const [first = 0, second = 0] = tensor.dims;
    const [rows, columns] = transposed ? [second, first] : [first, second];
    let values = await floatsOf(this.read, tensor);
    if (alpha !== 1) values = values.map((value) => value * alpha);
    const axis = transposed ? 0 : 1;
    const scales = await weightScales(values, tensor.dims, axis, task);
    if (!scales) {
      this.weights.set(key, undefined);
      return undefined;
    }
    let data = await quantizeWeight(values, tensor.dims, axis, scales, task);
    if (transposed) data = transpose(data, columns, rows);
    const { name } = tensor;
    const bytes = new Uint8Array(data.buffer);
    const made: IntegerWeight = {
      quantized: this.emitter.constant(`${name}_quantized`, (to) =>
        rawTensor(to, DataType.INT8, [rows, columns], bytes),
      ),
      scale: this.emitter.constant(`${name}_scale`, (to) => floatTensor(to, [columns], scales)),
      zeroPoint: this.emitter.constant(`${name}_zero_point`, (to) =>
        int8Tensor(to, [columns], new Int8Array(columns)),
      ),
    };
    this.weights.set(key, made);
    return made;
  }

  /** Name of the bias with Gemm's beta in it; "" when there is none. */
  private async biasOf(node: Node): Promise<string> {
    const name = node.inputs[2] ?? '';
    const beta = floatAttribute(node, 'beta', 1);
    const tensor = this.constants.get(name);
    if (name === '' || beta === 1 || !tensor) return name;
    const values = await floatsOf(this.read, tensor);
    return this.emitter.constant(`${name}_scaled`, (to) =>
      floatTensor(
        to,
        tensor.dims,
        values.map((value) => value * beta),
      ),
    );
  }
}

/** A rows × columns matrix turned over. */
function transpose(data: Int8Array, rows: number, columns: number): Int8Array<ArrayBuffer> {
  const out = new Int8Array(data.length);
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) out[c * rows + r] = data[r * columns + c]!;
  }
  return out;
}
