// Functions opened where they are called: what the daemon says of a call, and the table with the function in its place.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { findTensor, nodeDetails } from '../../../daemon/analysis/nodeDetails';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { makeLabels } from '../../../webview/graph/labels';
import { LayoutCache, layoutNested } from '../../../webview/graph/layoutNested';
import { readModelTable, type ModelTable } from '../../../webview/graph/modelTable';
import { callPath, openCall, placeOf, rowAt } from '../../../webview/graph/openCall';
import { keptOpening, openingPaths, toggled } from '../../../webview/graph/openings';
import { flat, viewTable, type Opening } from '../../../webview/graph/table';
import { functionModel } from '../../support/functionModel';

const built = functionModel();
const tableOf = async (scope = ''): Promise<ModelTable> =>
  readModelTable(encodeColumns((await graphTable(built, scope)).columns));
const open = async (model: ModelTable, row: number): Promise<ModelTable> => {
  const path = callPath(model, '', row);
  return openCall(model, row, path, await tableOf(path));
};

/** Rows by name, and edges as "relu -r-> matmul". */
function edges(model: ModelTable): string[] {
  const name = (row: number) => model.name[row]!;
  return Array.from(
    model.source,
    (from, e) => `${name(from)} -${model.value[e]!}-> ${name(model.target[e]!)}`,
  ).sort();
}

/** Operator types of the boxes of a view, those of open scopes in brackets. */
function boxes(model: ModelTable, opening: Opening): string[] {
  const view = viewTable(model, opening);
  const labels = makeLabels(view, 'sans', (text) => 7 * text.length);
  const { x, y } = layoutNested({ ...labels, ...view }, new LayoutCache());
  assert.ok([...x, ...y].every(Number.isFinite));
  return Array.from(view.drawn, (_, n) =>
    view.opened[n] === 1 ? `[${labels.title[n]!}]` : labels.title[n]!,
  );
}

describe('the function of a call', () => {
  it('has the shapes, the attributes and the weights that the call gives it', async () => {
    const { columns } = await graphTable(built, '#2/function');
    assert.deepEqual([...columns.name], ['matmul', 'scale', 'add', 'x', 'w', 'y']);
    const { texts } = columns.label;
    assert.ok(texts.includes('2×4 float32') || texts.includes('2×4 float'), texts.join());
    assert.equal(columns.weights[0], 64);
    const inner = nodeDetails(built, '#2/function/#1/function', 0);
    assert.deepEqual(inner.attributes, [{ name: 'alpha', type: 'FLOAT', value: '0.25' }]);
    assert.deepEqual(inner.inputs[0]?.shape, [2, 4]);
    assert.equal(nodeDetails(built, '#2/function', 0).inputs[1]?.initializer?.name, 'w');
    assert.equal(findTensor(built, '#2/function', 'w').name, 'w2');
  });

  it('is not there where nothing is called', async () => {
    for (const path of ['#0/function', '#9/function', '#1/function/#0/function', '#1/functions'])
      await assert.rejects(graphTable(built, path), { kind: 'badRequest' });
  });
});

describe('a function opened where it is called', () => {
  it('stands between what feeds the call and what reads it', async () => {
    const model = await open(await tableOf(), 1);
    assert.deepEqual(edges(model), [
      'add -one-> block_two',
      'block_two -two-> sigmoid',
      'matmul -m-> scale',
      'relu -r-> add',
      'relu -r-> matmul',
      'scale -s-> add',
      'sigmoid -y-> y',
      'x -x-> relu',
    ]);
  });

  it('opens in another, and each row knows where it comes from', async () => {
    const first = await open(await tableOf(), 1);
    const scale = first.name.indexOf('scale');
    const second = await open(first, scale);
    assert.ok(
      edges(second).includes('leaky -s-> add') || edges(second).includes('leaky -b-> add'),
      edges(second).join(),
    );
    assert.ok(edges(second).includes('matmul -m-> leaky'));
    for (const name of ['relu', 'matmul', 'leaky', 'sigmoid']) {
      const row = second.name.indexOf(name);
      const place = placeOf(second, '', row);
      assert.equal(nodeDetails(built, place.scope === '' ? undefined : place.scope, place.index).name, name);
      assert.equal(rowAt(second, '', place), row);
    }
  });

  it('is a scope, in one plane too, that closes again and is kept', async () => {
    const model = await open(await open(await tableOf(), 1), 2);
    const both: Opening = { ...flat, open: new Set([0, 1]) };
    assert.deepEqual(
      boxes(model, both).filter((title) => title.startsWith('[')),
      ['[Block]', '[Block]'],
    );
    const one = toggled(model, both, 0);
    assert.equal(one.flat, true);
    assert.deepEqual(boxes(model, one), [
      'Block',
      '[Block]',
      'Relu',
      'Sigmoid',
      'x',
      'y',
      'MatMul',
      'Scale',
      'Add',
      'one',
      'two',
    ]);
    const kept = keptOpening(model, openingPaths(model, one))!;
    assert.deepEqual([...kept.open], [1]);
    // The call is what is drawn for it, closed or open.
    const view = viewTable(model, one);
    assert.equal(view.foldedInto[1], model.rows);
    assert.equal(model.groupNodes[0], 3);
    assert.equal(model.weights[model.rows], 64);
  });
});
