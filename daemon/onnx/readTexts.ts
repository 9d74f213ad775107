// Texts of a STRING tensor by range. They have no fixed width: where each begins is known only from the one before it, so
// the place of every thousandth is remembered, and a page is read from the last such place on.

import { badRequest, SlipwayError } from '../base/errors';
import type { Task } from '../base/task';
import { byteLength, elementCount, type Bytes, type Tensor } from '../ir/tensor';
import { readBytes, readStringBytes, type ElementRange } from './tensorData';

/** Where a text's field begins: which piece of the file, and the byte in it. */
interface Place {
  readonly part: number;
  readonly offset: number;
}

/** Texts between two remembered places. */
const every = 1024;
/** Bytes read at once. */
const windowBytes = 1 << 18;
/** Bytes that a tag and a length take at most. */
const longestHead = 20;
/** Tag of string_data. */
const stringData = 50;

/** By tensor the places of texts 0, 1024, 2048, … as far as anybody has read. */
const placesOf = new WeakMap<Tensor, Place[]>();

/** The UTF-8 bytes of a range of texts; throws badRequest for one beyond the end. */
export async function readTexts(
  tensor: Tensor,
  { start, count }: ElementRange,
  task: Task,
): Promise<Uint8Array[]> {
  const beyond = (have: number) =>
    badRequest(
      `Elements ${start} to ${start + count} were asked of tensor "${tensor.name}", which has ${have}.`,
    );
  const { storage } = tensor;
  if (start + count > elementCount(tensor.dims)) throw beyond(elementCount(tensor.dims));
  if (storage.kind !== 'fields') {
    const all = await readStringBytes(tensor, task);
    if (start + count > all.length) throw beyond(all.length);
    return all.slice(start, start + count);
  }
  let places = placesOf.get(tensor);
  if (!places) placesOf.set(tensor, (places = [{ part: 0, offset: 0 }]));
  const known = Math.min(places.length - 1, Math.floor(start / every));
  const texts: Uint8Array[] = [];
  const walk = new Walk(storage.fields, places[known]!, task);
  for (let index = known * every; index < start + count; index += 1) {
    if (index === places.length * every) places.push(walk.place);
    const text = await walk.next(index >= start);
    if (text === undefined) throw beyond(index);
    if (index >= start) texts.push(text);
  }
  return texts;
}

const nothing = new Uint8Array(0);

/** Goes from field to field through pieces of a file, reading no more of them than it must. */
class Walk {
  private window: Uint8Array = nothing;
  private windowStart = 0;

  constructor(
    private readonly parts: readonly Bytes[],
    private at: Place,
    private readonly task: Task,
  ) {}

  /** Where the next field begins. */
  get place(): Place {
    return this.at;
  }

  /** The next text, empty when it is not `wanted`; undefined behind the last one. */
  async next(wanted: boolean): Promise<Uint8Array | undefined> {
    for (;;) {
      const part = this.parts[this.at.part];
      if (part === undefined) return undefined;
      const size = byteLength(part);
      if (this.at.offset >= size) {
        this.at = { part: this.at.part + 1, offset: 0 };
        this.window = nothing;
        this.windowStart = 0;
        continue;
      }
      await this.load(part, this.at.offset, Math.min(longestHead, size - this.at.offset));
      let at = this.at.offset - this.windowStart;
      const varint = () => {
        let value = 0;
        for (let scale = 1; ; scale *= 128) {
          const byte = this.window[at];
          if (byte === undefined || scale > 2 ** 56) throw damaged();
          at += 1;
          value += (byte & 127) * scale;
          if (byte < 128) return value;
        }
      };
      const tag = varint();
      let length = 0;
      if ((tag & 7) === 2) length = varint();
      else if ((tag & 7) === 0) varint();
      else if ((tag & 7) === 1) length = 8;
      else if ((tag & 7) === 5) length = 4;
      else throw damaged();
      const begin = this.windowStart + at;
      if (begin + length > size) throw damaged();
      this.at = { part: this.at.part, offset: begin + length };
      if (tag !== stringData) continue;
      if (!wanted || length === 0) return nothing;
      await this.load(part, begin, length);
      return this.window.slice(begin - this.windowStart, begin - this.windowStart + length);
    }
  }

  /** Sees to it that the window holds bytes [start, start + length) of a piece. */
  private async load(part: Bytes, start: number, length: number): Promise<void> {
    if (start >= this.windowStart && start + length <= this.windowStart + this.window.length) return;
    const wanted = Math.min(Math.max(windowBytes, length), byteLength(part) - start);
    this.window = await readBytes(part, false, start, wanted, this.task);
    this.windowStart = start;
  }
}

const damaged = () =>
  new SlipwayError('invalidModel', 'The texts of this tensor are damaged. Export or copy the model again.');
