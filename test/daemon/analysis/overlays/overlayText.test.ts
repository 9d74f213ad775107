// Overlays from the files of other tools and back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlayText, parseOverlays, unknownNodes } from '../../../../daemon/analysis/overlays/overlayText';
import type { Overlay } from '../../../../daemon/base/overlay';
import { graph, model, node } from '../../../../daemon/ir/builder';

const time: Overlay = {
  name: 'profile.time',
  title: 'Time',
  unit: 'µs',
  kind: 'sequential',
  higherIs: 'worse',
  entries: [
    { node: 'conv, "first"', value: 12.5, text: 'on CPU' },
    { node: 'relu\nline', value: 0.25 },
  ],
};
const provider: Overlay = {
  name: 'provider',
  title: 'Provider',
  unit: '',
  kind: 'category',
  entries: [
    { node: 'conv', category: 'CUDA' },
    { node: 'topk', category: 'CPU' },
  ],
};

const parse = (data: unknown) =>
  parseOverlays(typeof data === 'string' ? data : JSON.stringify(data), 'file.json');

test('what is written is read again, in every format', () => {
  for (const overlay of [time, provider]) {
    for (const format of ['model-explorer', 'netron', 'csv', 'slipway'] as const) {
      const read = parseOverlays(overlayText(overlay, format), 'file.json');
      assert.equal(read.format, format);
      assert.equal(read.overlays.length, format === 'csv' && overlay === time ? 2 : 1);
      const [one] = read.overlays;
      // Netron knows names up to their first line break.
      const names = overlay.entries.map((entry) =>
        format === 'netron' ? entry.node.split('\n')[0] : entry.node,
      );
      assert.deepEqual(
        one!.entries.map((entry) => [entry.node, entry.value, entry.category]),
        overlay.entries.map((entry, i) => [names[i], entry.value, entry.category]),
      );
      assert.equal(one!.kind, overlay.kind);
      if (format === 'netron' || format === 'csv' || format === 'slipway') {
        assert.deepEqual([one!.title, one!.unit], [overlay.title, overlay.unit]);
      }
    }
  }
  assert.deepEqual(parseOverlays(overlayText(time, 'slipway'), 'x').overlays, [time]);
});

test('Model Explorer: one graph, several graphs, with and without the outer name', () => {
  const results = { a: { value: 1, bgColor: 'red' }, b: { value: '2.5' }, c: 3, d: { value: null } };
  const wanted = [
    { node: 'a', value: 1 },
    { node: 'b', value: 2.5 },
    { node: 'c', value: 3 },
  ];
  for (const data of [{ results }, { main: { results } }, { graphsData: { main: { results } } }]) {
    const { format, overlays } = parse(data);
    assert.equal(format, 'model-explorer');
    assert.deepEqual(overlays[0]!.entries, wanted);
    assert.equal(overlays[0]!.title, 'file.json');
  }
  const two = parse({ main: { results }, body: { results: { x: { value: 'fp16' } } } }).overlays;
  assert.deepEqual(
    two.map(({ title, kind }) => [title, kind]),
    [
      ['file.json, main', 'sequential'],
      ['file.json, body', 'category'],
    ],
  );
});

test('Netron: one overlay for each metric, of nodes and values', () => {
  const { overlays } = parse({
    signature: 'netron:attachment',
    metadata: [{ kind: 'node', target: 'a', name: 'module', value: 'layers.0' }],
    metrics: [
      { kind: 'node', target: 'a', name: 'time', value: '12', type: 'us' },
      { kind: 'value', target: 'a_out', name: 'bytes', value: 64 },
      { kind: 'model', target: '', name: 'total', value: 3 },
      { kind: 'node', name: 'no target', value: 1 },
      null,
    ],
  });
  assert.deepEqual(
    overlays.map(({ title, unit, kind, entries }) => [title, unit, kind, entries]),
    [
      ['time', 'µs', 'sequential', [{ node: 'a', value: 12 }]],
      ['bytes', '', 'sequential', [{ node: 'a_out', value: 64 }]],
      ['module', '', 'category', [{ node: 'a', category: 'layers.0' }]],
    ],
  );
});

test('CSV: quoted cells, empty cells, names in any column', () => {
  const { overlays } = parse('op,Node,Time (ms),Where\nConv,"a,""b""",1.5,CPU\r\nRelu,c,,GPU\n');
  assert.deepEqual(
    overlays.map(({ title, unit, entries }) => [title, unit, entries]),
    [
      [
        'op',
        '',
        [
          { node: 'a,"b"', category: 'Conv' },
          { node: 'c', category: 'Relu' },
        ],
      ],
      ['Time', 'ms', [{ node: 'a,"b"', value: 1.5 }]],
      [
        'Where',
        '',
        [
          { node: 'a,"b"', category: 'CPU' },
          { node: 'c', category: 'GPU' },
        ],
      ],
    ],
  );
});

test('other files are refused with a sentence', () => {
  for (const [data, sentence] of [
    ['{"a": 1', /not valid JSON/],
    [{ a: 1 }, /holds no values for nodes.*Model Explorer/],
    [[], /holds no values/],
    ['hello', /holds no values/],
    ['', /holds no values/],
    [{ results: {} }, /no node in it has a value/],
    [{ signature: 'netron:attachment' }, /no node in it has a value/],
  ] as const) {
    assert.throws(() => parse(data), sentence);
  }
});

test('names that the model does not have are counted', () => {
  const nodes = [node('Conv', ['x', 'w'], ['y'], { name: 'conv' }), node('Relu', ['y'], ['z'])];
  const net = model(graph({ nodes }));
  const of = (...nodes: string[]): Overlay[] => [
    { ...provider, entries: nodes.map((name) => ({ node: name, category: 'CPU' })) },
  ];
  assert.deepEqual(unknownNodes(of('conv', 'z'), net), []);
  assert.match(unknownNodes(of('conv', 'other'), net)[0]!.message, /1 of 2 names/);
  assert.match(unknownNodes(of('other'), net)[0]!.message, /No node of this model.*another model/);
});
