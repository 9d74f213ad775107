// A decoder of a language model as the TorchScript exporter writes it, which ONNX Runtime runs: norms, rotary
// embedding and SiLU written out, shape arithmetic before every Reshape, constants as nodes, and an output layer
// tied to the token table. Weights come from the caller, so that a model of gigabytes need not be held.

import {
  floatTensor,
  graph,
  int64Tensor,
  model,
  node,
  valueInfo,
  type AttributeValue,
} from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import type { Model, Node } from '../../daemon/ir/model';
import type { Tensor } from '../../daemon/ir/tensor';

export interface LlmSize {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  /** Width inside the feed-forward block. */
  readonly inner: number;
  readonly vocabulary: number;
}

/** Gives the weight of a name and shape (rows × columns, or a vector of a norm). */
export type WeightSource = (name: string, dims: readonly number[]) => Tensor;

/** Seeded weights: matrices of variance 1 / rows with a few strong rows, as trained ones have; norms near 1. */
export function seededWeights(seed = 1): WeightSource {
  let state = seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  return (name, dims) => {
    const count = dims.reduce((all, dim) => all * dim, 1);
    if (dims.length === 1) return floatTensor(name, dims, Float32Array.from({ length: count }, () => 1 + 0.3 * random())); // prettier-ignore
    const spread = Math.sqrt(3 / dims[0]!);
    const values = Float32Array.from({ length: count }, () => (random() + random()) * spread);
    return floatTensor(name, dims, values);
  };
}

/** Inputs `input_ids` and `attention_mask` (batch, seq), output `logits` (batch, seq, vocabulary); opset 17. */
export function llmModel(size: LlmSize, weights: WeightSource = seededWeights()): Model {
  const { layers, hidden, heads, inner, vocabulary } = size;
  const head = hidden / heads;
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  let values = 0;
  let scope = '/model';
  const op = (
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    outputs = 1,
  ): string => {
    const id = `${scope}/${type}_${(values += 1)}`;
    const names = Array.from({ length: outputs }, (_, i) => `${id}_output_${i}`);
    nodes.push(node(type, inputs, names, { name: id, attributes }));
    return names[0]!;
  };
  const integers = (...list: number[]) => op('Constant', [], { value: int64Tensor('', [list.length], list) });
  const integer = (value: number) => op('Constant', [], { value: int64Tensor('', [], [value]) });
  const number = (value: number) => op('Constant', [], { value: floatTensor('', [], [value]) });
  const weight = (name: string, ...dims: number[]): string => {
    initializers.push(weights(name, dims));
    return name;
  };
  const dimension = (value: string, axis: number) => op('Gather', [op('Shape', [value]), integer(axis)], { axis: 0n }); // prettier-ignore
  const shapeOf = (...parts: (string | number)[]) =>
    op(
      'Concat',
      parts.map((part) => op('Unsqueeze', [typeof part === 'string' ? part : integer(part), integers(0)])),
      { axis: 0n },
    );

  const norm = (input: string, name: string): string => {
    const mean = op('ReduceMean', [op('Pow', [input, number(2)])], { axes: [-1n] });
    const root = op('Sqrt', [op('Add', [mean, number(1e-5)])]);
    return op('Mul', [weight(name, hidden), op('Mul', [input, op('Div', [number(1), root])])]);
  };
  const split = (input: string, projected: string): string => {
    const shape = shapeOf(dimension(input, 0), dimension(input, 1), heads, head);
    return op('Transpose', [op('Reshape', [projected, shape])], { perm: [0n, 2n, 1n, 3n] });
  };

  const table = weight('model.embed_tokens.weight', vocabulary, hidden);
  let stream = op('Gather', [table, 'input_ids']);
  const length = dimension('input_ids', 1);
  const positions = op('Cast', [op('Range', [integer(0), length, integer(1)])], { to: BigInt(DataType.FLOAT) }); // prettier-ignore
  initializers.push(
    floatTensor('model.rotary.inv_freq', [1, head / 2], Float32Array.from({ length: head / 2 }, (_, i) => 10000 ** ((-2 * i) / head))), // prettier-ignore
  );
  const angles = op('MatMul', [op('Unsqueeze', [positions, integers(1)]), 'model.rotary.inv_freq']);
  const both = op('Concat', [angles, angles], { axis: -1n });
  const [cos, sin] = [op('Cos', [both]), op('Sin', [both])];
  const rotate = (input: string): string => {
    const part = (from: number, to: number) =>
      op('Slice', [input, integers(from), integers(to), integers(3), integers(1)]);
    const turned = op('Concat', [op('Neg', [part(head / 2, 2 ** 40)]), part(0, head / 2)], { axis: -1n });
    return op('Add', [op('Mul', [input, cos]), op('Mul', [turned, sin])]);
  };
  const square = shapeOf(length, length);
  const causal = op('Trilu', [op('Expand', [number(-1e9), square]), integer(1)], { upper: 1n });
  const keep = op('Cast', [op('Unsqueeze', ['attention_mask', integers(1, 2)])], { to: BigInt(DataType.FLOAT) }); // prettier-ignore
  const padding = op('Mul', [op('Sub', [number(1), keep]), number(-1e9)]);
  const mask = op('Add', [padding, causal]);

  for (let layer = 0; layer < layers; layer += 1) {
    const of = (part: string) => `model.layers.${layer}.${part}.weight`;
    scope = `/model/layers.${layer}/self_attn`;
    const normed = norm(stream, of('input_layernorm'));
    const project = (part: string) => op('MatMul', [normed, weight(of(`self_attn.${part}`), hidden, hidden)]);
    const q = rotate(split(normed, project('q_proj')));
    const k = op('Transpose', [rotate(split(normed, project('k_proj')))], { perm: [0n, 1n, 3n, 2n] });
    const v = split(normed, project('v_proj'));
    const scores = op('Div', [op('MatMul', [q, k]), number(Math.sqrt(head))]);
    const attended = op('MatMul', [op('Softmax', [op('Add', [scores, mask])], { axis: -1n }), v]);
    const joined = op('Reshape', [
      op('Transpose', [attended], { perm: [0n, 2n, 1n, 3n] }),
      shapeOf(dimension(normed, 0), dimension(normed, 1), hidden),
    ]);
    const residual = op('Add', [stream, op('MatMul', [joined, weight(of('self_attn.o_proj'), hidden, hidden)])]); // prettier-ignore
    scope = `/model/layers.${layer}/mlp`;
    const second = norm(residual, of('post_attention_layernorm'));
    const gate = op('MatMul', [second, weight(of('mlp.gate_proj'), hidden, inner)]);
    const up = op('MatMul', [second, weight(of('mlp.up_proj'), hidden, inner)]);
    const active = op('Mul', [op('Mul', [gate, op('Sigmoid', [gate])]), up]);
    stream = op('Add', [residual, op('MatMul', [active, weight(of('mlp.down_proj'), inner, hidden)])]);
  }
  scope = '';
  const last = norm(stream, 'model.norm.weight');
  const turned = op('Transpose', [table], { perm: [1n, 0n] });
  nodes.push(node('MatMul', [last, turned], ['logits'], { name: '/lm_head/MatMul' }));
  return model(
    graph({
      name: 'decoder',
      nodes,
      initializers,
      inputs: ['input_ids', 'attention_mask'].map((name) =>
        valueInfo(name, DataType.INT64, ['batch', 'seq']),
      ),
      outputs: [valueInfo('logits', DataType.FLOAT, ['batch', 'seq', vocabulary])],
    }),
    { opset: 17 },
  );
}
