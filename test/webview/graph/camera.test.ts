import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corner, firstView, fitAll, reveal } from '../../../webview/graph/camera';

test('a picture starts with its first box in the middle, below the picker of values where that would cover one', () => {
  const tall = { width: 300, height: 5000 };
  const view = { width: 1000, height: 800 };
  const free = () => false;
  assert.deepEqual(firstView(tall, view, 150, free), { scale: 1, x: -350, y: 0 });
  assert.deepEqual(
    firstView(tall, { width: 400, height: 800 }, 150, ({ x }) => x < corner.width),
    { scale: 1, x: -50, y: -32 },
  );
  const small = { width: 300, height: 760 };
  assert.equal(firstView(small, view, 150, free).y, -20);
  assert.equal(firstView(small, view, 150, () => true).y, -32);
});

test('a whole picture has room around it, however small it is drawn', () => {
  const { scale, y } = fitAll({ width: 300, height: 76_800 }, { width: 1000, height: 800 });
  assert.equal(scale, 0.01);
  assert.equal(y, -1600);
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
