import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstView, reveal } from '../../../webview/graph/camera';

test('a picture starts with its first box in the middle, in a narrow view below the picker of values', () => {
  const tall = { width: 300, height: 5000 };
  assert.deepEqual(firstView(tall, { width: 1000, height: 800 }, 150), { scale: 1, x: -350, y: 0 });
  assert.deepEqual(firstView(tall, { width: 400, height: 800 }, 150), { scale: 1, x: -50, y: -32 });
  const small = { width: 300, height: 790 };
  assert.equal(firstView(small, { width: 1000, height: 800 }, 150).y, -5);
  assert.equal(firstView(small, { width: 400, height: 800 }, 150).y, -32);
});

test('a box that is larger than the view is shown from its corner', () => {
  const view = { width: 400, height: 300 };
  const camera = { scale: 1, x: 0, y: 0 };
  assert.deepEqual(reveal(camera, { x: 1000, y: 2000, width: 100, height: 40 }, view), {
    scale: 1,
    x: 850,
    y: 1870,
  });
  assert.deepEqual(reveal(camera, { x: 1000, y: 2000, width: 200, height: 900 }, view), {
    scale: 1,
    x: 900,
    y: 1952,
  });
  assert.equal(reveal(camera, { x: 100, y: 100, width: 100, height: 40 }, view), camera);
});
