import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstView } from '../../../webview/graph/camera';

test('a picture starts with its first box in the middle, in a narrow view below the picker of values', () => {
  const tall = { width: 300, height: 5000 };
  assert.deepEqual(firstView(tall, { width: 1000, height: 800 }, 150), { scale: 1, x: -350, y: 0 });
  assert.deepEqual(firstView(tall, { width: 400, height: 800 }, 150), { scale: 1, x: -50, y: -32 });
  const small = { width: 300, height: 790 };
  assert.equal(firstView(small, { width: 1000, height: 800 }, 150).y, -5);
  assert.equal(firstView(small, { width: 400, height: 800 }, 150).y, -32);
});
