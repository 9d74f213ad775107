import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dictionary } from '../../../daemon/base/dictionary';
import { graphFrame } from '../../../daemon/handlers/graphFrame';
import { decodeColumns } from '../../../daemon/protocol/columns';
import { shortName } from '../../../daemon/protocol/shortName';

describe('names in the frame of a graph', () => {
  const check = (what: string, name: string, expected: string) =>
    void it(what, () => {
      const value = new Dictionary();
      value.push('short');
      value.push(name);
      const columns = decodeColumns(
        graphFrame({ name: ['short', name], value, source: Int32Array.of(1, 2) }),
      );
      assert.deepEqual(columns['name'], ['short', expected]);
      assert.deepEqual(columns['value'], ['short', expected]);
      assert.deepEqual([...(columns['source'] as Int32Array)], [1, 2]);
      // What the page makes of the whole name, which other answers hold, is what stands in the frame.
      assert.equal(shortName(name), expected);
    });

  check('stay whole up to 512 characters', 'n'.repeat(512), 'n'.repeat(512));
  check(
    'lose their middle beyond',
    `${'a'.repeat(400)}${'b'.repeat(400)}`,
    `${'a'.repeat(256)}…${'b'.repeat(255)}`,
  );
  check(
    'are not cut through a character',
    `${'a'.repeat(255)}${'😀'.repeat(200)}${'b'.repeat(254)}`,
    `${'a'.repeat(255)}…${'b'.repeat(254)}`,
  );
});
