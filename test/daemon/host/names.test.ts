import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomName, shortDigest } from '../../../daemon/host/names';

test('names by chance differ, and those of a text are the same again', () => {
  const names = new Set(Array.from({ length: 1000 }, randomName));
  assert.ok(names.size > 990);
  for (const name of names) assert.match(name, /^[0-9a-f]{8}$/);
  const paths = Array.from({ length: 20_000 }, (_, i) => `/home/user/project ${i}/dist/slipway.js`);
  const digests = new Set(paths.map(shortDigest));
  assert.equal(digests.size, paths.length);
  for (const digest of digests) assert.match(digest, /^[0-9a-f]{16}$/);
  assert.equal(shortDigest('a model'), shortDigest('a model'));
  assert.match(shortDigest(''), /^[0-9a-f]{16}$/);
});
