// Half-precision storage: weights are kept in the file as float16 or bfloat16 and a Cast turns each back into
// float32. ONNX Runtime folds these Casts when it loads the model, so it computes as before, at the same speed, and
// only the rounding of the weights is felt. Processors without half arithmetic want this rather than convert.ts.

import type { Diagnostic } from '../../base/diagnostic';
import { breathe } from '../../base/task';
import { node as makeNode } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { Names } from '../names';
import type { Pass } from '../pass';
import { nameOf, type Left } from '../quantize/outcome';
import { floatsOf, type TensorReader } from '../tensorReader';
import { tooOld, type HalfOutcome } from './convert';
import { halfConstant, surveyConstant, type HalfFormat } from './format';
import { nodeMatcher } from './patterns';

export interface StorageOptions {
  readonly format: HalfFormat;
  /** Operator types, node names or patterns whose weights stay float32. */
  readonly keep?: readonly string[];
}

/** Smaller tensors save less than their Cast takes in the file. */
const fewestElements = 128;

/** Stores the weights of a model of opset 6 or newer (bfloat16: 13) in half; `converted` names the weights. */
export const storeAsHalf = (read: TensorReader, options: StorageOptions): Pass<HalfOutcome> => ({
  name: `store as ${options.format.name}`,
  requires: (model) => tooOld(model, options.format),
  async run(model, task) {
    const { format } = options;
    const keep = nodeMatcher(options.keep ?? []);
    const copy = cloneModel(model);
    const names = new Names(copy);
    const converted: string[] = [];
    const left: Left[] = [];
    const notes: Diagnostic[] = [];
    const graphs: Graph[] = [copy.graph];
    for (let graph = graphs.pop(); graph; graph = graphs.pop()) {
      const inputs = new Set(graph.inputs.map((input) => input.name));
      const kept = new Map<string, Node>();
      for (const node of graph.nodes) {
        graphs.push(...bodiesOf(node));
        if (keep(node)) for (const name of node.inputs) kept.set(name, node);
      }
      const casts: Node[] = [];
      const store = async (tensor: Tensor): Promise<Tensor> => {
        if (tensor.dataType !== DataType.FLOAT || inputs.has(tensor.name)) return tensor;
        if (elementCount(tensor.dims) < fewestElements) return tensor;
        const stay = (why: string) => {
          left.push({ node: tensor.name, op: 'weight', why });
          return tensor;
        };
        const reader = kept.get(tensor.name);
        if (reader) return stay(`It is read by ${nameOf(reader)}, which was told to stay float32.`);
        const values = await floatsOf(read, tensor);
        const facts = await surveyConstant(values, task);
        if (facts.notNumbers > 0 || facts.sentinels > 0 || facts.largest > format.largest)
          return stay(`It holds values that ${format.name} does not.`);
        const { tensor: half } = await halfConstant(tensor, values, format, format.never, task);
        const name = names.fresh(`${tensor.name}_${format.name}`);
        casts.push(
          makeNode('Cast', [name], [tensor.name], {
            name: names.fresh(`${tensor.name}_Cast`),
            attributes: { to: BigInt(DataType.FLOAT) },
          }),
        );
        converted.push(tensor.name);
        return { ...half, name };
      };
      const stored: Tensor[] = [];
      for (const tensor of graph.initializers) {
        await breathe(task);
        stored.push(await store(tensor));
      }
      graph.initializers = stored;
      graph.nodes = [...casts, ...graph.nodes];
    }
    if (converted.length === 0) return { model, modified: false, converted, left };
    copy.irVersion = Math.max(copy.irVersion, 4);
    notes.push({
      id: 'precision/storage',
      severity: 'info',
      message: `Weights are stored as ${format.name} and turned back into float32 when the model is loaded: about half the file, the same speed and memory at run time, because processors have no ${format.name} kernels to gain from.`,
    });
    return { model: copy, modified: true, notes, converted, left };
  },
});
