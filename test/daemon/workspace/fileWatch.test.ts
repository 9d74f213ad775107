import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileWatch } from '../../../daemon/workspace/fileWatch';
import { temporaryFolder } from '../../support/paths';
import { waitUntil } from '../../support/waiting';

test('every watched file is seen to change, go and come back, however it is written', async () => {
  const folder = temporaryFolder();
  const paths = ['a', 'b', 'c'].map((name) => join(folder, `${name}.onnx`));
  for (const path of paths) writeFileSync(path, 'one');
  writeFileSync(join(folder, 'stranger'), 'one');
  const events: string[] = [];
  const watch = new FileWatch((path, exists) =>
    events.push(`${path.at(-6)!} ${exists ? 'changed' : 'gone'}`),
  );
  const expect = async (text: string) => {
    await waitUntil(text, () => events.includes(text));
    events.length = 0;
  };
  try {
    const stops = paths.map((path) => watch.add(path));
    // The watcher needs a moment to settle before it sees anything; the file's own look does not.
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const name of ['a', 'b', 'c']) {
      const path = join(folder, `${name}.onnx`);
      writeFileSync(path, 'two, longer');
      await expect(`${name} changed`);
      rmSync(path);
      await expect(`${name} gone`);
      writeFileSync(path, 'three');
      await expect(`${name} changed`);
      writeFileSync(`${path}.tmp`, 'four, renamed');
      renameSync(`${path}.tmp`, path);
      await expect(`${name} changed`);
      rmSync(path);
      await expect(`${name} gone`);
      writeFileSync(path, 'five');
      await expect(`${name} changed`);
    }
    writeFileSync(join(folder, 'stranger'), 'two');
    stops[0]!();
    writeFileSync(paths[0]!, 'six, unseen');
    writeFileSync(paths[1]!, 'six, seen');
    await waitUntil('b changed', () => events.includes('b changed'));
    assert.deepEqual(new Set(events), new Set(['b changed']));
  } finally {
    await watch.dispose();
  }
});
