import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLog } from '../../../daemon/host/log';
import { temporaryFolder } from '../../support/paths';

test('a log keeps lines and stacks, cuts secrets out, and is rotated', () => {
  const path = join(temporaryFolder(), 'state', 'daemon.log');
  const log = openLog({ path, secrets: ['s3cret'] });
  log.info('hello with s3cret inside');
  log.error('It failed.', new RangeError('s3cret out of range'));
  const text = readFileSync(path, 'utf8');
  assert.match(
    text,
    /info hello with \*\*\* inside\n.*error It failed\.\nRangeError: \*\*\* out of range\n\s+at /,
  );
  if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600);

  writeFileSync(path, 'x'.repeat(2 << 20));
  openLog({ path }).warn('after');
  assert.equal(statSync(`${path}.1`).size, 2 << 20);
  assert.match(readFileSync(path, 'utf8'), /warn after\n$/);
});
