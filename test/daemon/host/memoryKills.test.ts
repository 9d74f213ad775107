import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { memoryKills } from '../../../daemon/host/memoryKills';
import { temporaryFolder } from '../../support/paths';

test('kills for want of memory are counted where the system says so', () => {
  const root = temporaryFolder();
  assert.equal(memoryKills(root), undefined);
  mkdirSync(join(root, 'proc'));
  writeFileSync(join(root, 'proc/vmstat'), 'nr_free_pages 5\noom_kill 3\nballoon_inflate 0\n');
  assert.equal(memoryKills(root), 3);
  writeFileSync(join(root, 'proc/vmstat'), 'nr_free_pages 5\n');
  assert.equal(memoryKills(root), undefined);
});
