// Scratch files: parts can be read once it is finished, nothing stays, and errors name the file.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openUnchanged } from '../../../daemon/host/files';
import { ScratchFile } from '../../../daemon/host/scratchFile';
import { temporaryFolder } from '../../support/paths';

const folder = temporaryFolder();

test('parts are read back by range, and the file goes', async () => {
  const scratch = new ScratchFile(join(folder, 'out.onnx'));
  assert.deepEqual(readdirSync(folder), []);
  const first = await scratch.append(Uint8Array.of(1, 2, 3));
  const second = await scratch.append(Uint8Array.of(4, 5));
  assert.deepEqual([first.offset, first.length, second.offset, second.length], [0, 3, 3, 2]);
  await scratch.finish();
  assert.deepEqual([...readFileSync(first.file.path)], [1, 2, 3, 4, 5]);
  const source = openUnchanged(second.file);
  const bytes = new Uint8Array(2);
  source.readSync(second.offset, bytes);
  source.close();
  assert.deepEqual([...bytes], [4, 5]);
  assert.equal(readdirSync(folder).length, 1);
  await scratch.dispose();
  await scratch.dispose();
  assert.deepEqual(readdirSync(folder), []);
});

test('a folder that is not there is named, and an unused file is nothing', async () => {
  const scratch = new ScratchFile(join(folder, 'nowhere', 'out.onnx'));
  await assert.rejects(
    () => scratch.append(Uint8Array.of(1)),
    /Cannot write .*nowhere.*folder does not exist/,
  );
  await scratch.finish();
  await scratch.dispose();
});
