// A range of any tensor as bytes for the wire: numbers as raw_data holds them, texts as length and UTF-8 bytes.

import type { Task } from '../base/task';
import { DataType } from '../ir/dataType';
import type { Tensor } from '../ir/tensor';
import { readTexts } from './readTexts';
import { readTensorBytes, type ElementRange } from './tensorData';

/** The bytes of a range; throws badRequest for one beyond the end, and what readTensorBytes throws. */
export async function readRange(tensor: Tensor, range: ElementRange, task: Task): Promise<Uint8Array> {
  if (tensor.dataType !== DataType.STRING) return readTensorBytes(tensor, range, task);
  const texts = await readTexts(tensor, range, task);
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + 4 + text.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const text of texts) {
    view.setUint32(at, text.length, true);
    bytes.set(text, at + 4);
    at += 4 + text.length;
  }
  return bytes;
}
