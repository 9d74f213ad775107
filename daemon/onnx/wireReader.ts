// A cursor over protobuf bytes that skips what nobody asks for. It knows wire types, lengths and ends,
// not ONNX. It never throws for broken bytes: it tells `complain` once and ends the message it is in.
// Numbers beside `case` labels of its users are tags: field number × 8 + wire type.

import { isUtf8 } from 'node:buffer';
import type { ByteSource } from '../host/files';

/** Byte ranges [start, end, start, end, …] in the file, ascending, neighbours joined. */
export type Ranges = number[];

export interface WireComplaints {
  /** Called for each defect with its byte offset. */
  complain(id: string, message: string, byteOffset: number): void;
}

/** Bytes read at once after a jump; more only costs time, because after a weight the rest is unused. */
const jumpWindow = 16 << 10;
/** Bytes read at once when the structure goes on where the last window ended. */
const flowWindow = 64 << 10;
const smallBigints = Array.from({ length: 1024 }, (_, value) => BigInt(value));
/** Texts up to this length are looked for among those of the same hash. */
const shortText = 12;
const shortTexts = 8192;
/** Texts longer than this are looked for among the last ones of their kind. */
const longText = 2048;
const mostKeptText = 1 << 20;
const keptTexts = 8;
/** Longest string taken from a file. */
const longestString = 1 << 28;

export class WireReader {
  /** Field number × 8 + wire type of the current field. */
  tag = 0;
  /** Offset of the current field's tag. */
  fieldStart = 0;
  /** Payload length of the current length-delimited field, cut to what the enclosing message has. */
  length = 0;
  /** The current field's payload runs beyond the end of the file. */
  cut = false;
  /** The last `note` found its field whole. */
  noted = false;
  /** The file ends inside a message. */
  truncated = false;
  /** Messages entered and values read, as an estimate of heap bytes. */
  charged = 0;

  private readonly window: Buffer;
  private windowStart = 0;
  private windowSize = 0;
  /** Next byte, as an index into the window. */
  private at = 0;
  /** End of the current message, as an offset in the file and as an index into the window. */
  private limit: number;
  private stop = 0;
  private lo = 0;
  private hi = 0;
  private halted = false;
  /** The last short text of each hash: names come again and again, and a string that is there need not be made. */
  private readonly knownTexts = new Array<string>(shortTexts).fill('');
  /** The last long texts: a value's name comes again at its readers, and then is the same string. */
  private readonly lastTexts: { readonly bytes: Buffer; readonly text: string }[] = [];

  /** `whole` holds the file's bytes when they are in memory already. */
  constructor(
    private readonly source: Pick<ByteSource, 'readSync'>,
    readonly size: number,
    private readonly complaints: WireComplaints,
    private readonly budget: number,
    readonly whole?: Uint8Array,
  ) {
    this.window = whole
      ? Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength)
      : Buffer.allocUnsafeSlow(Math.min(flowWindow, Math.max(size, 16)));
    if (whole) this.windowSize = whole.byteLength;
    this.limit = size;
    this.bound();
  }

  /** Offset of the next byte. */
  get position(): number {
    return this.windowStart + this.at;
  }

  get isHalted(): boolean {
    return this.halted;
  }

  /** Goes to a message that lies at [start, start + length). */
  open(start: number, length: number): void {
    this.limit = start + length;
    this.seek(start);
  }

  seek(position: number): void {
    this.at = position - this.windowStart;
    if (this.at < 0 || this.at > this.windowSize) {
      this.windowStart = position;
      this.windowSize = 0;
      this.at = 0;
    }
    this.bound();
  }

  /** Enters the current length-delimited field as a message of about `cost` heap bytes; hand the result to `leave`. */
  enter(cost = 80): number {
    const outer = this.limit;
    this.charge(cost);
    this.limit = this.position + this.length;
    this.bound();
    return outer;
  }

  /** Goes behind the message that `enter` entered. */
  leave(outer: number): void {
    this.seek(this.limit);
    this.limit = outer;
    this.bound();
  }

  /** Reads the next tag, and the length when there is one; false at the end of the message. */
  next(): boolean {
    if (this.at >= this.stop && this.position >= this.limit) return false;
    if (this.halted) return this.end();
    this.fieldStart = this.position;
    if (!this.varint()) return false;
    this.tag = this.lo;
    const wire = this.tag & 7;
    if (this.hi !== 0 || this.tag >>> 3 === 0 || wire > 5 || wire === 4) {
      return this.fail('onnx/malformed', 'These bytes are not a protobuf field');
    }
    if (wire !== 2) return true;
    if (!this.varint()) return false;
    const length = this.hi * 4294967296 + this.lo;
    const left = this.limit - this.position;
    this.cut = length > left;
    this.length = length;
    if (this.cut) {
      if (this.limit < this.size) {
        return this.fail('onnx/length', `A field of ${length} bytes does not fit into the message around it`);
      }
      this.reportCut();
      this.length = left;
    }
    return true;
  }

  /** Skips the current field's payload; false when it is not whole. */
  skip(): boolean {
    switch (this.tag & 7) {
      case 0:
        return this.varint();
      case 1:
        return this.skipBytes(8);
      case 2:
        this.seek(this.position + this.length);
        return !this.cut;
      case 3:
        return this.skipGroup(this.tag >>> 3);
      default:
        return this.skipBytes(4);
    }
  }

  /** Skips the current field and adds its whole range to `ranges`, unless the end of the file cuts it. */
  note(ranges: Ranges | undefined): Ranges | undefined {
    const start = this.fieldStart;
    this.noted = this.skip();
    if (!this.noted) return ranges;
    const end = this.position;
    if (!ranges) {
      this.charge(64);
      return [start, end];
    }
    if (ranges[ranges.length - 1] === start) {
      ranges[ranges.length - 1] = end;
    } else {
      this.charge(16);
      ranges.push(start, end);
    }
    return ranges;
  }

  /** A varint as a whole number, signed 64-bit; exact up to 2^53. */
  int(): number {
    this.varint();
    return (this.hi | 0) * 4294967296 + this.lo;
  }

  /** A varint as an int32. */
  int32(): number {
    this.varint();
    return this.lo | 0;
  }

  bigint(): bigint {
    this.varint();
    // Axes, pads and kernels: most are small, and shared ones cost nothing.
    if (this.hi === 0) return this.lo < smallBigints.length ? smallBigints[this.lo]! : BigInt(this.lo);
    return (BigInt(this.hi | 0) << 32n) | BigInt(this.lo);
  }

  float(): number {
    if (!this.need(4)) return 0;
    const value = this.window.readFloatLE(this.at);
    this.at += 4;
    return value;
  }

  /** A repeated integer field, packed or not, through `add`. */
  integers(add: () => void): void {
    if ((this.tag & 7) === 0) {
      add();
      return;
    }
    const outer = this.enter(0);
    while (this.position < this.limit && !this.halted) add();
    this.leave(outer);
  }

  /** A repeated float field, packed or not. */
  floats(into: number[]): void {
    if ((this.tag & 7) === 5) {
      into.push(this.float());
      return;
    }
    const outer = this.enter(0);
    while (this.position < this.limit && !this.halted) {
      this.charge(8);
      into.push(this.float());
    }
    this.leave(outer);
  }

  /** The current length-delimited field as text; complains when it is not UTF-8. */
  string(): string {
    const { length } = this;
    if (length === 0) return '';
    if (this.cut) {
      // Half a name is no name.
      this.skip();
      return '';
    }
    this.charge(length + 24);
    if (length > longestString) {
      this.complaints.complain(
        'onnx/too-large',
        `A text of ${length} bytes is too long and was left out`,
        this.fieldStart,
      );
      this.skip();
      return '';
    }
    let bytes = this.window;
    let start = this.at;
    if (length > this.windowSize - start) {
      if (length <= this.window.length) {
        this.fill(length);
        start = this.at;
        if (length > this.windowSize) return this.lost();
      } else {
        const copied = this.copy(this.position, this.position + length);
        bytes = Buffer.from(copied.buffer, copied.byteOffset, copied.byteLength);
        start = 0;
      }
    }
    const end = start + length;
    this.seek(this.position + length);
    if (length <= shortText) return this.short(bytes, start, end);
    if (length <= longText || length > mostKeptText) return this.decode(bytes, start, end);
    const known = this.lastTexts.find(
      (each) => each.bytes.length === length && each.bytes.compare(bytes, start, end) === 0,
    );
    if (known) return known.text;
    const text = this.decode(bytes, start, end);
    // A broken text is complained of wherever it stands.
    if (text.includes('\ufffd')) return text;
    if (this.lastTexts.length === keptTexts) this.lastTexts.shift();
    this.lastTexts.push({ bytes: Buffer.from(bytes.subarray(start, end)), text });
    return text;
  }

  /** A short text, the same string as before where it is known. */
  private short(bytes: Buffer, start: number, end: number): string {
    let hash = end - start;
    let beyondAscii = 0;
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]!;
      beyondAscii |= byte;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (beyondAscii >= 128) return this.decode(bytes, start, end);
    const slot = (hash ^ (hash >>> 13)) & (shortTexts - 1);
    const known = this.knownTexts[slot]!;
    if (known.length === end - start) {
      let index = start;
      while (index < end && known.charCodeAt(index - start) === bytes[index]) index += 1;
      if (index === end) return known;
    }
    return (this.knownTexts[slot] = bytes.toString('latin1', start, end));
  }

  private decode(bytes: Buffer, start: number, end: number): string {
    for (let index = start; index < end; index += 1) {
      if (bytes[index]! < 128) continue;
      if (!isUtf8(bytes.subarray(start, end))) {
        this.complaints.complain('onnx/not-utf8', 'This text is not UTF-8', this.fieldStart);
      }
      return bytes.toString('utf8', start, end);
    }
    return bytes.toString('latin1', start, end);
  }

  /** The current length-delimited field as bytes of its own. */
  bytes(): Uint8Array {
    if (this.cut) {
      this.skip();
      return new Uint8Array(0);
    }
    this.charge(this.length + 64);
    const value = this.copy(this.position, this.position + this.length);
    this.skip();
    return value;
  }

  /** A copy of the file's bytes [start, end); shorter when the file became shorter. The cursor stays. */
  copy(start: number, end: number): Uint8Array {
    const from = start - this.windowStart;
    if (from >= 0 && end - this.windowStart <= this.windowSize) {
      // Not slice(): that of a Buffer gives a Buffer that shares the window.
      const copied = new Uint8Array(end - start);
      copied.set(this.window.subarray(from, end - this.windowStart));
      return copied;
    }
    const target = new Uint8Array(end - start);
    const count = this.source.readSync(start, target);
    return count === target.length ? target : target.slice(0, count);
  }

  /** Copies ranges one after the other. The cursor stays. */
  copyRanges(ranges: Ranges): Uint8Array {
    let total = 0;
    for (let index = 0; index < ranges.length; index += 2) total += ranges[index + 1]! - ranges[index]!;
    this.charge(total);
    if (this.halted) return new Uint8Array(0);
    if (ranges.length === 2) return this.copy(ranges[0]!, ranges[1]!);
    const position = this.position;
    const target = new Uint8Array(total);
    let done = 0;
    for (let index = 0; index < ranges.length; index += 2) {
      const start = ranges[index]!;
      const length = ranges[index + 1]! - start;
      this.seek(start);
      // Many small ranges side by side share one window; a big one is read on its own.
      if (length < jumpWindow && this.windowSize - this.at < length) this.fill();
      if (length <= 64 && this.windowSize - this.at >= length) {
        for (let byte = 0; byte < length; byte += 1) target[done + byte] = this.window[this.at + byte]!;
      } else target.set(this.copy(start, start + length), done);
      done += length;
    }
    this.seek(position);
    return target;
  }

  /** Counts heap bytes; stops reading when a file asks for far more than its own size. */
  charge(bytes: number): void {
    this.charged += bytes;
    if (this.charged > this.budget && !this.halted) {
      this.halted = true;
      this.complaints.complain(
        'onnx/too-large',
        'The structure needs more memory than a file of this size should; the rest was not read',
        this.position,
      );
    }
  }

  /** Complains and goes to the end of the current message. */
  fail(id: string, message: string): false {
    this.complaints.complain(id, message, this.fieldStart);
    return this.end();
  }

  private end(): false {
    this.seek(this.limit);
    return false;
  }

  private lost(): '' {
    this.reportCut();
    this.end();
    return '';
  }

  private reportCut(): void {
    if (this.truncated) return;
    this.truncated = true;
    const message =
      `The file is cut off: it ends at byte ${this.size}, but the field that starts at byte ${this.fieldStart} ` +
      'goes on after that. Copy or export it again';
    this.complaints.complain('onnx/truncated', message, this.fieldStart);
  }

  private bound(): void {
    this.stop = Math.min(this.limit - this.windowStart, this.windowSize);
  }

  /** Moves the window so that it begins at the current position and holds at least `least` bytes. */
  private fill(least = 0): void {
    if (this.whole) return;
    const position = this.position;
    const flows = this.windowSize > 0 && this.at >= this.windowSize - 64;
    this.windowStart = position;
    this.at = 0;
    const want = Math.min(
      Math.max(flows ? flowWindow : jumpWindow, least),
      this.window.length,
      this.size - position,
    );
    this.windowSize = want > 0 ? this.source.readSync(position, this.window.subarray(0, want)) : 0;
    this.bound();
  }

  /** Whether `count` bytes of the message are there; complains when not. */
  private need(count: number): boolean {
    if (this.stop - this.at >= count) return true;
    if (this.limit - this.position >= count) {
      this.fill();
      if (this.stop - this.at >= count) return true;
    }
    return this.runsOut();
  }

  private runsOut(): false {
    if (this.limit >= this.size || this.windowStart + this.windowSize < this.limit) this.reportCut();
    else
      this.complaints.complain('onnx/length', 'A number runs beyond the message around it', this.fieldStart);
    return this.end();
  }

  private skipBytes(count: number): boolean {
    if (this.limit - this.position < count) return this.runsOut();
    this.seek(this.position + count);
    return true;
  }

  /** Reads a varint into `lo` and `hi`; false (and the message ends) when it is broken. */
  private varint(): boolean {
    if (this.stop - this.at < 10 && this.windowStart + this.stop < this.limit) this.fill();
    const { window, stop } = this;
    let { at } = this;
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= stop) {
        this.lo = this.hi = 0;
        return this.runsOut();
      }
      const byte = window[at]!;
      at += 1;
      if (shift < 28) lo |= (byte & 127) << shift;
      else if (shift === 28) {
        lo |= (byte & 127) << 28;
        hi = (byte & 127) >>> 4;
      } else hi |= (byte & 127) << (shift - 32);
      if (byte < 128) {
        this.at = at;
        this.lo = lo >>> 0;
        this.hi = hi >>> 0;
        return true;
      }
    }
    this.lo = this.hi = 0;
    return this.fail('onnx/malformed', 'A number has more than ten bytes');
  }

  /** Groups are an old wire form that ONNX never used; they are skipped without recursion. */
  private skipGroup(number: number): boolean {
    const open = [number];
    const start = this.fieldStart;
    while (open.length > 0 && open.length <= 1000) {
      if (this.position >= this.limit || !this.varint()) break;
      const [field, wire] = [this.lo >>> 3, this.lo & 7];
      if (wire === 4) {
        if (open.at(-1) !== field) break;
        open.pop();
      } else if (wire === 3) open.push(field);
      else if (wire > 5 || !this.skipInGroup(wire)) break;
    }
    if (open.length === 0) return true;
    this.fieldStart = start;
    return this.fail('onnx/malformed', 'A protobuf group does not end');
  }

  private skipInGroup(wire: number): boolean {
    if (wire === 0) return this.varint();
    if (wire !== 2) return this.skipBytes(wire === 1 ? 8 : 4);
    return this.varint() && this.skipBytes(this.hi * 4294967296 + this.lo);
  }
}
