// Quantization folded into operators: which boxes remain, which edges, and that cycles and odd graphs stay as they are.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { graphTable } from '../../../daemon/analysis/graphTable';
import {
  floatTensor,
  graph,
  int8Tensor,
  model,
  node,
  uint8Tensor,
  valueInfo,
} from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Node } from '../../../daemon/ir/model';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { readModelTable } from '../../../webview/graph/modelTable';
import { flat, viewTable } from '../../../webview/graph/table';

const q = (from: string, to: string) => node('QuantizeLinear', [from, 's', 'z'], [to]);
const dq = (from: string, to: string) => node('DequantizeLinear', [from, 's', 'z'], [to]);

/** Boxes and edges as text: `in>Conv`. */
async function drawn(nodes: Node[], fold = true, output = 'out') {
  const built = model(
    graph({
      nodes,
      inputs: [valueInfo('in', DataType.FLOAT, [1, 4])],
      outputs: [valueInfo(output, DataType.FLOAT, [1, 4])],
      initializers: [
        floatTensor('s', [], [0.1]),
        uint8Tensor('z', [], [0]),
        int8Tensor('w', [4, 4], new Array<number>(16).fill(1)),
      ],
    }),
  );
  const table = readModelTable(encodeColumns((await graphTable(built)).columns), fold);
  const view = viewTable(table, flat);
  const title = (n: number) => view.op[view.drawn[n]!] || view.name[view.drawn[n]!]!;
  return {
    table,
    boxes: Array.from(view.drawn, (_, n) => title(n)),
    edges: Array.from(view.source, (s, e) => `${title(s)}>${title(view.target[e]!)}`).sort(),
    labels: view.label,
  };
}

const layer = [q('in', 'iq'), dq('iq', 'i'), dq('w', 'wf'), node('MatMul', ['i', 'wf'], ['m']), q('m', 'mq')];

describe('quantization folded for the picture', () => {
  it('leaves one box for each operator, with the weight that it reads', async () => {
    const { boxes, edges, table, labels } = await drawn([
      ...layer,
      dq('mq', 'm2'),
      node('Relu', ['m2'], ['r']),
      q('r', 'rq'),
      dq('rq', 'out'),
    ]);
    assert.deepEqual(boxes, ['MatMul', 'Relu', 'in', 'out']);
    // The weight with its scale and zero point; those of computed values are no weights.
    assert.deepEqual(
      ['MatMul', 'Relu'].map((op) => table.weights[table.op.indexOf(op)]),
      [21, 0],
    );
    // An edge knows what its value is called at both ends.
    const relu = table.op.indexOf('Relu');
    const e = table.target.indexOf(relu);
    assert.deepEqual([table.made[e], table.value[e], table.reads[e]], ['m', 'mq', 'm2']);
    assert.deepEqual(edges, ['MatMul>Relu', 'Relu>out', 'in>MatMul']);
    assert.deepEqual(
      [...table.quantized].flatMap((on, row) => (on ? [table.op[row]!] : [])),
      ['MatMul', 'Relu'],
    );
    assert.equal(table.foldable, 7);
    assert.ok(
      labels.some((label) => label.includes('uint8')),
      `integers on the edge: ${labels.join()}`,
    );
  });

  it('shows all boxes where it is turned off, and says how many there were to fold', async () => {
    const { boxes, table } = await drawn([...layer, dq('mq', 'out')], false);
    assert.deepEqual(boxes, [
      'QuantizeLinear',
      'DequantizeLinear',
      'DequantizeLinear',
      'MatMul',
      'QuantizeLinear',
      'DequantizeLinear',
      'in',
      'out',
    ]);
    assert.equal(table.foldable, 5);
    assert.ok(table.quantized.every((on) => on === 0));
  });

  it('gives a value that several operators read an edge to each', async () => {
    const { edges } = await drawn([
      ...layer,
      dq('mq', 'm2'),
      node('Relu', ['m2'], ['a']),
      node('Neg', ['m2'], ['b']),
      node('Add', ['a', 'b'], ['out']),
    ]);
    assert.deepEqual(edges, ['Add>out', 'MatMul>Neg', 'MatMul>Relu', 'Neg>Add', 'Relu>Add', 'in>MatMul']);
  });

  it('keeps what belongs to no operator: a pair between input and output, integers that leave', async () => {
    assert.deepEqual((await drawn([q('in', 'iq'), dq('iq', 'out')])).boxes, [
      'QuantizeLinear',
      'DequantizeLinear',
      'in',
      'out',
    ]);
    assert.deepEqual((await drawn([node('Relu', ['in'], ['r']), q('r', 'out')])).boxes, [
      'Relu',
      'QuantizeLinear',
      'in',
      'out',
    ]);
  });

  it('keeps changes of scale, and integers that other operators read', async () => {
    const rescaled = await drawn([
      q('in', 'a'),
      dq('a', 'b'),
      q('b', 'c'),
      dq('c', 'd'),
      node('Relu', ['d'], ['out']),
    ]);
    assert.ok(rescaled.boxes.includes('QuantizeLinear'));
    const whole = await drawn([
      node('Neg', ['in'], ['n']),
      q('n', 'a'),
      node('MaxPool', ['a'], ['p']),
      dq('p', 'd'),
      node('Relu', ['d'], ['out']),
    ]);
    assert.deepEqual(whole.boxes, ['Neg', 'QuantizeLinear', 'MaxPool', 'Relu', 'in', 'out']);
    assert.deepEqual(whole.edges, [
      'MaxPool>Relu',
      'Neg>QuantizeLinear',
      'QuantizeLinear>MaxPool',
      'Relu>out',
      'in>Neg',
    ]);
  });

  it('does not follow cycles', async () => {
    const ring = await drawn([
      dq('b', 'a'),
      node('Relu', ['a'], ['r']),
      q('r', 'b'),
      node('Neg', ['r'], ['out']),
    ]);
    assert.ok(ring.boxes.includes('Relu'));
    const self = await drawn([
      q('a', 'a'),
      dq('a', 'a'),
      q('c', 'd'),
      dq('d', 'c'),
      node('Relu', ['in'], ['out']),
    ]);
    assert.ok(self.boxes.includes('Relu'));
  });
});
