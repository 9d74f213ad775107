// The worker thread that reads pictures: decodes, resizes and normalises a batch of files, so that no other thread
// waits for it. Its own bundle; pictures.ts starts it and talks to it.

import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../base/errors';
import { decodePicture } from './decodePicture';
import type { PictureAnswer, PictureOrder } from './pictureMessages';
import { writePicture } from './pictureTensor';

async function answer(order: PictureOrder): Promise<PictureAnswer> {
  const { files, recipe, shape, pixels } = order;
  const width = shape.height * shape.width * shape.channels;
  const data = pixels ? new Uint8Array(files.length * width) : new Float32Array(files.length * width);
  for (const [i, file] of files.entries()) {
    try {
      writePicture(await decodePicture(await readFile(file)), recipe, shape, data, i * width);
    } catch (error) {
      return { failed: file, why: messageOf(error) };
    }
  }
  return { data };
}

parentPort?.on('message', (order: PictureOrder) => {
  void answer(order).then((made) => {
    parentPort?.postMessage(made, 'data' in made ? [made.data.buffer] : []);
  });
});
