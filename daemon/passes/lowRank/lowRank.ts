// Splits a layer into two thinner ones where that takes fewer multiplications: MatMul, Gemm and 1×1 Conv of one group.

import { breathe, type Task } from '../../base/task';
import { findAttribute, intAttribute } from '../../ir/attributes';
import { attribute, floatTensor, node as makeNode } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { Names } from '../names';
import type { PassResult } from '../pass';
import type { InputGram } from '../prune/channels/importance';
import { rowsOf, type LayerRows } from '../prune/channels/layerRows';
import { matrixOf } from '../prune/sparse';
import { nameOf } from '../quantize/outcome';
import { constantTensors, isOp } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';
import { factorise, type Factors } from './factor';

export interface LowRankOptions {
  /** Share of the energy that every layer keeps, above 0 and at most 1. */
  readonly energy: number;
  /** XᵀX by node name; the energy is then that of the layer's outputs instead of its weights. */
  readonly grams?: ReadonlyMap<string, InputGram> | undefined;
}

export interface LowRankLayer {
  readonly name: string;
  /** Full rank, and the one that is left: the same where splitting saves nothing. */
  readonly from: number;
  readonly to: number;
  /** Share of the energy that is kept. */
  readonly energy: number;
  readonly measured: boolean;
}

export interface LowRankResult extends PassResult {
  readonly layers: readonly LowRankLayer[];
}

/** Layers that can be split, with the weight of each. */
export function factorable(model: Model): { node: Node; weight: Tensor; rows: LayerRows }[] {
  const constants = constantTensors(model.graph);
  return model.graph.nodes.flatMap((node) => {
    const weight = isOp(node, 'Conv', 'Gemm', 'MatMul') ? constants.get(node.inputs[1] ?? '') : undefined;
    const rows = weight?.dataType === DataType.FLOAT ? rowsOf(node, weight.dims) : undefined;
    if (!weight || rows?.groups !== 1 || rows.perChannel !== 1) return [];
    if (isOp(node, 'Gemm') && intAttribute(node, 'transA', 0) !== 0) return [];
    return [{ node, weight, rows }];
  });
}

/** Splits every layer that `factorable` names where it saves. */
export async function lowRank(
  model: Model,
  { energy, grams }: LowRankOptions,
  read: TensorReader,
  task: Task,
): Promise<LowRankResult> {
  const found = factorable(model);
  const names = new Names(model);
  const layers: LowRankLayer[] = [];
  const split = new Map<Node, Node[]>();
  const added: Tensor[] = [];
  for (const [done, { node, weight, rows }] of found.entries()) {
    task.report({ stage: 'Splitting layers', done, total: found.length });
    await breathe(task);
    const gram = grams?.get(nameOf(node));
    const own = gram?.k === rows.k ? gram.gram : undefined;
    const w = await matrixOf(rows, await floatsOf(read, weight), task);
    const made = await factorise(w, rows.k, rows.outputs, own, energy, task);
    const full = Math.min(rows.k, rows.outputs);
    layers.push({
      name: nameOf(node),
      from: full,
      to: made?.rank ?? full,
      energy: made?.energy ?? 1,
      measured: own !== undefined,
    });
    if (made) split.set(node, pairOf(node, weight, rows, made, names, added));
  }
  if (split.size === 0) return { model, modified: false, layers };
  const { graph } = model;
  const nodes = graph.nodes.flatMap((node) => split.get(node) ?? [node]);
  return {
    model: { ...model, graph: { ...graph, nodes, initializers: [...graph.initializers, ...added] } },
    modified: true,
    layers,
  };
}

/** The two layers instead of one; the second has the bias, and the name and output of the old one. */
function pairOf(
  node: Node,
  weight: Tensor,
  { k, outputs }: LayerRows,
  { rank, a, b }: Factors,
  names: Names,
  added: Tensor[],
): Node[] {
  const [x = '', , bias = ''] = node.inputs;
  const constant = (suffix: string, dims: readonly number[], values: Float64Array) => {
    const made = floatTensor(names.fresh(`${weight.name}_${suffix}`), dims, Float32Array.from(values));
    added.push(made);
    return made.name;
  };
  const between = names.fresh(`${node.outputs[0] ?? ''}_narrow`);
  const ending = bias === '' ? [] : [bias];
  if (isOp(node, 'Conv')) {
    const ones = weight.dims.slice(2);
    const first = constant('narrow', [rank, k, ...ones], transposed(a, k, rank));
    const second = constant('wide', [outputs, rank, ...ones], transposed(b, rank, outputs));
    const kernel = attribute(
      'kernel_shape',
      ones.map(() => 1n),
    );
    return [
      { ...makeNode('Conv', [x, first], [between], { name: between }), attributes: node.attributes },
      { ...node, inputs: [between, second, ...ending], attributes: [kernel] },
    ];
  }
  const inputs = [between, constant('wide', [rank, outputs], b), ...ending];
  const first = constant('narrow', [k, rank], a);
  if (isOp(node, 'MatMul'))
    return [makeNode('MatMul', [x, first], [between], { name: between }), { ...node, inputs }];
  const scales = ['alpha', 'beta'].flatMap((name) => findAttribute(node, name) ?? []);
  return [
    makeNode('Gemm', [x, first], [between], { name: between }),
    { ...node, inputs, attributes: scales },
  ];
}

function transposed(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j < columns; j += 1) out[j * rows + i] = matrix[i * columns + j]!;
  return out;
}
