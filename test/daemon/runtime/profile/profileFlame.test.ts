import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flameOf, traceOf } from '../../../../daemon/runtime/profile/profileFlame';

const node = (name: string, scope: string, meanUs: number) => ({ name, scope, meanUs });

/** One line for each span: indented by its depth, from and for how long. */
const text = (nodes: Parameters<typeof flameOf>[0]) =>
  flameOf(nodes).map(
    ({ name, depth, startUs, durationUs }) => `${' '.repeat(depth)}${name} ${startUs}+${durationUs}`,
  );

test('nodes end to end below their scopes', () => {
  assert.deepEqual(
    text([
      node('a', 'layers/0', 2),
      node('b', 'layers/0/mlp', 3),
      node('c', 'layers/1', 4),
      node('d', '', 1),
    ]),
    [
      'run 0+10',
      ' layers 0+9',
      '  0 0+5',
      '   a 0+2',
      '   mlp 2+3',
      '    b 2+3',
      '  1 5+4',
      '   c 5+4',
      ' d 9+1',
    ],
  );
});

test('a scope that is left and entered again is two spans', () => {
  assert.deepEqual(text([node('a', 'x', 1), node('b', 'y', 1), node('c', 'x', 1)]), [
    'run 0+3',
    ' x 0+1',
    '  a 0+1',
    ' y 1+1',
    '  b 1+1',
    ' x 2+1',
    '  c 2+1',
  ]);
  assert.deepEqual(text([]), ['run 0+0']);
});

test('the trace names operator and provider of each node', () => {
  const spans = flameOf([node('a', 'x', 2)]);
  const { traceEvents } = traceOf(spans, [{ op: 'Conv', provider: 'CPUExecutionProvider', calls: 1 }]) as {
    traceEvents: { ph: string; name: string; cat: string; ts: number; dur: number; args: object }[];
  };
  assert.deepEqual(
    traceEvents.map(({ ph, name, cat, ts, dur }) => [ph, name, cat, ts, dur]),
    [
      ['X', 'run', 'scope', 0, 2],
      ['X', 'x', 'scope', 0, 2],
      ['X', 'a', 'node', 0, 2],
    ],
  );
  assert.deepEqual(traceEvents[2]?.args, { op: 'Conv', provider: 'CPUExecutionProvider', calls: 1 });
});
