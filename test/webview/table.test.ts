// The page's table of a graph: constants folded, edges joined, search.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeColumns } from '../../daemon/protocol/columns';
import { familyOf } from '../../webview/graph/families';
import { SpatialIndex } from '../../webview/graph/spatialIndex';
import { findRows, parseQuery } from '../../webview/graph/findNodes';
import { readTable } from '../../webview/graph/table';
import { DataType, dataTypeName } from '../../daemon/ir/dataType';
import { smallFloatTable } from '../../daemon/onnx/smallFloats';
import { indexText, parseRange } from '../../webview/inspector/tensorRange';
import { tensorValues } from '../../webview/inspector/tensorValues';
import { three } from '../../webview/ui/format';

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
    assert.equal(tensorValues('type 99', new Uint8Array(4), 1), undefined);
    assert.equal(tensorValues('constructor', new Uint8Array(4), 1), undefined);
    assert.deepEqual(
      tensorValues('float16', new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x7c00, 0x0001).buffer), 4),
      ['1.00', '−2.00', '∞', '5.96e−8'],
    );
    assert.deepEqual(tensorValues('complex64', new Uint8Array(Float32Array.of(1, -2).buffer), 1), [
      '1.00−2.00i',
    ]);
    assert.deepEqual(tensorValues('uint2', Uint8Array.of(0b11100100), 4), ['0', '1', '2', '3']);
    assert.deepEqual(tensorValues('int2', Uint8Array.of(0b11100100), 4), ['0', '1', '-2', '-1']);
    // Length and bytes, twice; the second is cut off.
    assert.deepEqual(tensorValues('string', Uint8Array.of(2, 0, 0, 0, 97, 10, 9, 0, 0, 0, 98), 8), [
      '"a␊"',
      '"b"',
    ]);
  });

  it('read every code of the small floats as the daemon does', () => {
    const text = (value: number) =>
      Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? three(value) : value > 0 ? '∞' : '−∞';
    for (const type of [
      DataType.FLOAT8E4M3FN,
      DataType.FLOAT8E4M3FNUZ,
      DataType.FLOAT8E5M2,
      DataType.FLOAT8E5M2FNUZ,
      DataType.FLOAT8E8M0,
    ]) {
      const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
      const table = smallFloatTable(type)!;
      assert.deepEqual(
        tensorValues(dataTypeName(type), codes, 256),
        Array.from(table, text),
        dataTypeName(type),
      );
    }
  });

  it('understand where in a tensor somebody wants to go', () => {
    const shape = [4, 10, 100];
    assert.deepEqual(parseRange('1000', shape), { start: 1000, count: 64 });
    assert.deepEqual(parseRange(' 3990 ', shape), { start: 3990, count: 10 });
    assert.deepEqual(parseRange('10-19', shape), { start: 10, count: 10 });
    assert.deepEqual(parseRange('10 : 1000000000', [2 ** 32]), { start: 10, count: 4096 });
    assert.deepEqual(parseRange('[3, 9, 98]', shape), { start: 3998, count: 2 });
    assert.deepEqual(parseRange('2,5', shape), { start: 2500, count: 64 });
    assert.match(parseRange('4000', shape) as string, /4\u202f000 values, from 0 to 3\u202f999/);
    assert.match(parseRange('3,10', shape) as string, /Dimension 1 has 10 entries/);
    assert.match(parseRange('1,2,3,4', shape) as string, /3 dimensions, not 4/);
    assert.match(parseRange('9-3', shape) as string, /before its beginning/);
    for (const other of ['-1', '1e3', 'x', '1,,2', '0x10'])
      assert.equal(typeof parseRange(other, shape), 'string');
    assert.equal(indexText(3998, shape), '[3, 9, 98]');
    assert.equal(indexText(5, [10]), '');
  });
});
