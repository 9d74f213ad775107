// Made-up decoder exports for viewer tests and benchmarks: layers of 60 nodes with names as exporters give them (or
// none), a mask and rotary tables that every layer reads, shape arithmetic before every Reshape. Weights are
// declared, not stored: the model is for looking at.

import { DataType } from '../../daemon/ir/dataType';
import {
  floatTensor,
  graph,
  int64Tensor,
  model,
  node,
  valueInfo,
  type AttributeValue,
} from '../../daemon/ir/builder';
import type { Model, Node } from '../../daemon/ir/model';
import type { Tensor } from '../../daemon/ir/tensor';

/** A decoder of about `nodes` nodes. `named` false leaves out all names that tell of the structure. */
export function decoderModel(nodes: number, named = true): Model {
  const list: Node[] = [];
  const initializers: Tensor[] = [
    int64Tensor('zero', [1], [0]),
    int64Tensor('first', [], [0]),
    int64Tensor('heads', [2], [-1, 4]),
  ];
  let values = 0;
  let scope = '';
  const op = (
    type: string,
    inputs: readonly string[],
    part = '',
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string => {
    const path = [scope, part].filter((each) => each !== '').join('/');
    const output = named ? `/${path}/${type}_${values}_output` : `v${values}`;
    const name = named ? `/${path}/${type}_${values}` : '';
    list.push(node(type, inputs, [output], { name, attributes }));
    values += 1;
    return output;
  };
  const weight = (part: string, ...dims: number[]): string => {
    const name = named ? `${scope.replaceAll('/', '.')}.${part}.weight` : `w${initializers.length}`;
    initializers.push(floatTensor(name, dims, new Float32Array(dims.reduce((a, b) => a * b, 1))));
    return name;
  };
  scope = 'model';
  let stream = op('Gather', [weight('embed', 8, 4), 'tokens'], 'embed');
  const mask = op('Unsqueeze', [op('Cast', ['attention_mask'], 'mask', { to: 1n }), 'zero'], 'mask');
  const positions = op('Cast', ['position_ids'], 'rotary', { to: 1n });
  const cos = op('Cos', [positions], 'rotary');
  const sin = op('Sin', [positions], 'rotary');
  const norm = (input: string, part: string): string => {
    const square = op('Mul', [input, input], part);
    const scale = op('Sqrt', [op('ReduceMean', [square], part, { axes: [-1n] })], part);
    return op('Mul', [op('Div', [input, scale], part), weight(part, 4)], part);
  };
  const split = (input: string, part: string): string => {
    const projected = op('MatMul', [input, weight(`self_attn.${part}`, 4, 4)], `self_attn/${part}`);
    const length = op('Gather', [op('Shape', [input], 'self_attn'), 'first'], 'self_attn');
    const rows = op('Unsqueeze', [length, 'zero'], 'self_attn');
    const shape = op('Concat', [rows, 'heads'], 'self_attn', { axis: 0n });
    return op('Reshape', [projected, shape], 'self_attn');
  };
  const rotate = (input: string): string => {
    const half = op(
      'Concat',
      [op('Neg', [op('Identity', [input], 'self_attn')], 'self_attn'), input],
      'self_attn',
      { axis: 0n },
    );
    return op(
      'Add',
      [op('Mul', [input, cos], 'self_attn'), op('Mul', [half, sin], 'self_attn')],
      'self_attn',
    );
  };
  for (let layer = 0; list.length + 60 <= nodes || layer === 0; layer++) {
    scope = `model/layers.${layer}`;
    const first = norm(stream, 'input_layernorm');
    const q = rotate(split(first, 'q_proj'));
    const k = op('Transpose', [rotate(split(first, 'k_proj'))], 'self_attn', { perm: [0n, 2n, 1n] });
    const v = split(first, 'v_proj');
    const scores = op('Add', [op('MatMul', [q, k], 'self_attn'), mask], 'self_attn');
    const attended = op('MatMul', [op('Softmax', [scores], 'self_attn'), v], 'self_attn');
    const joined = op(
      'Reshape',
      [op('Transpose', [attended], 'self_attn', { perm: [0n, 1n, 2n] }), 'heads'],
      'self_attn',
    );
    const out = op('MatMul', [joined, weight('self_attn.o_proj', 4, 4)], 'self_attn/o_proj');
    const residual = op('Add', [stream, out]);
    const second = norm(residual, 'post_attention_layernorm');
    const gate = op('MatMul', [second, weight('mlp.gate_proj', 4, 4)], 'mlp/gate_proj');
    const active = op('Mul', [gate, op('Sigmoid', [gate], 'mlp/act')], 'mlp/act');
    const up = op('MatMul', [second, weight('mlp.up_proj', 4, 4)], 'mlp/up_proj');
    const down = op(
      'MatMul',
      [op('Mul', [active, up], 'mlp'), weight('mlp.down_proj', 4, 4)],
      'mlp/down_proj',
    );
    stream = op('Add', [residual, down]);
  }
  scope = 'model';
  stream = norm(stream, 'norm');
  scope = '';
  list.push(
    node('MatMul', [stream, weight('lm_head', 4, 4)], ['logits'], named ? { name: '/lm_head/MatMul' } : {}),
  );
  return model(
    graph({
      name: 'decoder',
      nodes: list,
      inputs: [
        valueInfo('tokens', DataType.INT64, ['batch', 'seq']),
        valueInfo('attention_mask', DataType.INT64, ['batch', 'seq']),
        valueInfo('position_ids', DataType.INT64, ['batch', 'seq']),
      ],
      outputs: [valueInfo('logits', DataType.FLOAT, ['batch', 'seq', 4])],
      initializers,
    }),
  );
}
