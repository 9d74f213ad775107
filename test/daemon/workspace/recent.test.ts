import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { silentTask } from '../../../daemon/base/task';
import { ModelStore } from '../../../daemon/workspace/models';
import { Recent } from '../../../daemon/workspace/recent';
import { writeDenseModel } from '../../support/denseModel';
import { temporaryFolder } from '../../support/paths';
import { waitUntil } from '../../support/waiting';

test('the last few are kept, those that were used last', () => {
  const recent = new Recent<number>({ most: 2 });
  recent.set('a', 1);
  recent.set('b', 2);
  assert.equal(recent.get('a'), 1);
  recent.set('c', 3);
  assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c')], [1, undefined, 3]);
  recent.clear();
  assert.equal(recent.size, 0);
});

test('what nobody uses is let go, and what is held stays', async () => {
  let idle = 0;
  const held = new Set(['a']);
  const recent = new Recent<number>({
    most: 8,
    idleMs: 20,
    isHeld: (key) => held.has(key),
    onIdle: () => (idle += 1),
  });
  recent.set('a', 1);
  recent.set('b', 2);
  await waitUntil('b is gone', () => recent.size === 1);
  assert.equal(recent.get('a'), 1);
  held.clear();
  await waitUntil('a is gone', () => recent.size === 0);
  assert.equal(idle, 2);
});

test('a model stays parsed while somebody has it open, and is forgotten some time after', async () => {
  const store = new ModelStore(20);
  const path = await writeDenseModel(join(temporaryFolder(), 'dense.onnx'));
  const uri = pathToFileURL(path).href;
  const letGo = store.hold(path);
  const first = await store.get(uri, undefined, silentTask);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await store.get(uri, undefined, silentTask), first);
  letGo();
  await waitUntil('it is forgotten', () => store.kept === 0);
  const again = await store.get(uri, undefined, silentTask);
  assert.notEqual(again, first);
  assert.equal(again.revision, first.revision);
  await store.dispose();
});
