// The page's table of a graph: constants folded, edges joined, search.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeColumns } from '../../daemon/protocol/columns';
import { familyOf } from '../../webview/graph/families';
import { SpatialIndex } from '../../webview/graph/spatialIndex';
import { findRows, parseQuery } from '../../webview/graph/findNodes';
import { readTable } from '../../webview/graph/table';
import { half, tensorValues } from '../../webview/inspector/tensorValues';

/** Rows as `name:op` (input and output rows by kind), edges as `source>target`. */
function table(rows: readonly string[], edges: readonly string[]) {
  const parts = rows.map((row) => row.split(':') as [string, string]);
  const index = (name: string) => parts.findIndex(([other]) => other === name);
  const ends = edges.map((edge) => edge.split('>') as [string, string]);
  return readTable(
    encodeColumns({
      name: parts.map(([name]) => name),
      op: parts.map(([, op]) => (op === 'in' || op === 'out' ? '' : op)),
      domain: parts.map(() => ''),
      kind: Uint8Array.from(parts, ([, op]) => (op === 'in' ? 1 : op === 'out' ? 2 : 0)),
      scope: parts.map(() => ''),
      weights: new Float64Array(parts.length),
      summary: parts.map(() => ''),
      source: Int32Array.from(ends, ([from]) => index(from)),
      target: Int32Array.from(ends, ([, to]) => index(to)),
      value: ends.map(([from]) => from),
      label: ends.map(() => ''),
    }),
  );
}

describe('graph table', () => {
  it('folds constants into the node that reads them, unless they are an output', () => {
    const folded = table(['c:Constant', 'a:Add', 'x:in', 'y:out'], ['c>a', 'x>a', 'a>y']);
    assert.deepEqual([...folded.drawn], [1, 2, 3]);
    assert.equal(folded.foldedInto[0], 1);
    assert.deepEqual([...folded.source], [1, 0]);
    const kept = table(['c:Constant', 'y:out'], ['c>y']);
    assert.deepEqual([...kept.drawn], [0, 1]);
  });

  it('draws one edge for several values between two nodes', () => {
    assert.equal(table(['s:Split', 'a:Add'], ['s>a', 's>a']).source.length, 1);
  });

  it('finds by name and operator, folded constants as their reader', () => {
    const found = table(['c:Constant', 'a:Add', 'conv1:Conv', 'x:in'], ['c>a', 'x>conv1', 'conv1>a']);
    const names = (query: string) => findRows(found, query, (row) => row).map((row) => found.name[row]);
    assert.deepEqual(names('CONV'), ['conv1']);
    assert.deepEqual(names('constant'), ['a']);
    assert.deepEqual(names(' '), []);
  });

  it('takes queries apart', () => {
    assert.deepEqual(parseQuery('op:Conv  shape:1x64 down'), {
      text: 'down',
      keyed: [
        { key: 'op', wanted: 'conv' },
        { key: 'shape', wanted: '1×64' },
      ],
    });
    assert.deepEqual(parseQuery('onnx::Conv'), { text: 'onnx::conv', keyed: [] });
  });

  it('reads an empty graph', () => {
    assert.equal(table([], []).rows, 0);
  });
});

describe('page helpers', () => {
  it('know the family of an operator', () => {
    assert.equal(familyOf('Conv'), 'convolution');
    assert.equal(familyOf('com.microsoft.FastGelu'), 'activation');
    assert.equal(familyOf('constructor'), 'other');
  });

  it('find what reaches into a band, each once', () => {
    const index = new SpatialIndex(
      Float32Array.of(0, 100, 0, 5),
      Float32Array.of(10, 110, 1000, 4),
      1000,
      64,
    );
    const found: number[] = [];
    index.each(90, 300, (item) => found.push(item));
    assert.deepEqual(found.sort(), [1, 2]);
  });

  it('turn tensor bytes into text', () => {
    assert.deepEqual(tensorValues('float', new Uint8Array(Float32Array.of(0.5, -1, Infinity).buffer), 3), [
      '0.500',
      '−1.00',
      '∞',
    ]);
    assert.deepEqual(tensorValues('int4', Uint8Array.of(0xf1), 2), ['1', '-1']);
    assert.deepEqual(tensorValues('int64', new Uint8Array(BigInt64Array.of(-3n).buffer), 4), ['-3']);
    assert.equal(tensorValues('string', new Uint8Array(), 1), undefined);
    assert.deepEqual([0x3c00, 0xc000, 0x7c00, 0x0001].map(half), [1, -2, Infinity, 2 ** -24]);
  });
});
