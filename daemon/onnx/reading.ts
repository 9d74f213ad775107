// What all message readers share: the cursor, the diagnostics, the work put off until later, and how a
// payload is noted instead of being read. Message readers live in read*.ts, one per message family.

import { placeText } from '../base/diagnostic';
import type { Diagnostic, Place, Severity } from '../base/diagnostic';
import type { FileRef } from '../base/fileRef';
import type { Task } from '../base/task';
import type { ByteSource } from '../host/files';
import type { StringEntry } from '../ir/model';
import type { Bytes, Tensor } from '../ir/tensor';
import { WireReader } from './wireReader';
import type { Ranges } from './wireReader';
import { getHeapStatistics } from 'node:v8';

/** Payloads up to this many bytes are taken into memory: shapes, scales and axes are asked for all the time. */
export const smallPayload = 1024;

/** Graphs inside graphs. Deeper ones are left empty with a diagnostic, so that nobody's recursion overflows. */
export const deepestGraph = 500;

/** Types inside types (sequences of sequences …). */
export const deepestType = 100;

/** Diagnostics kept for one rule; the rest is counted. */
const mostPerRule = 50;

/** Where in the model reading is, for diagnostics and for work done later. */
export interface Scope {
  /** Graph path as in `Place.scope`. */
  readonly path: string;
  readonly depth: number;
}

export class Reading {
  readonly wire: WireReader;
  readonly diagnostics: Diagnostic[] = [];
  /** Every tensor with the scope it stands in, for the checks after reading. */
  readonly tensors: { readonly tensor: Tensor; readonly scope: string; readonly byteOffset: number }[] = [];
  /** Bodies and large tensors inside attributes: read after the message that holds them, without recursion. */
  private readonly pending: (() => Promise<void>)[] = [];
  private readonly counts = new Map<string, number>();
  private readonly seen = new Set<string>();
  unknownFields = 0;
  firstUnknown = 0;

  constructor(
    readonly source: ByteSource,
    readonly task: Task,
    /** The file's bytes, when they are in memory. */
    private readonly whole?: Uint8Array,
  ) {
    // Real models take 2 to 8 bytes of heap for a byte of structure; a file of empty messages would take 200.
    const heap = getHeapStatistics().heap_size_limit;
    const budget = Math.min(64e6 + 16 * source.ref.size, 1e9, heap / 2);
    this.wire = new WireReader(source, source.ref.size, this, budget, whole);
  }

  get file(): FileRef {
    return this.source.ref;
  }

  complain(id: string, message: string, byteOffset: number): void {
    this.report('error', id, message, { byteOffset });
  }

  report(severity: Severity, id: string, message: string, where: Place = {}): void {
    const count = (this.counts.get(id) ?? 0) + 1;
    const key = count > mostPerRule ? '' : `${id} ${where.byteOffset ?? ''} ${where.value ?? ''}`;
    if (where.byteOffset !== undefined && this.seen.has(key)) return;
    this.counts.set(id, count);
    if (count > mostPerRule) return;
    this.seen.add(key);
    const place = placeText(where);
    this.diagnostics.push({ id, severity, message: `${message}${place ? ` (${place})` : ''}.`, where });
  }

  /** Says how many diagnostics were left out. */
  closeDiagnostics(): void {
    for (const [id, count] of this.counts) {
      if (count <= mostPerRule) continue;
      const message = `${count - mostPerRule} more of the kind ${id} were found.`;
      this.diagnostics.push({ id, severity: 'info', message });
    }
  }

  /** Does `work` on the current length-delimited field after the message around it was read. */
  later(work: () => void | Promise<void>): void {
    const { wire } = this;
    const [start, length] = [wire.position, wire.length];
    wire.charge(300);
    this.pending.push(async () => {
      wire.open(start, length);
      await work();
    });
    wire.skip();
  }

  async finishPending(): Promise<void> {
    for (let index = 0; index < this.pending.length; index += 1) {
      await this.pending[index]!();
    }
  }

  /**
   * For the default case of a reader: keeps the field as unknown. `known` are the field numbers of the
   * message; one of them arriving here has a wrong wire type.
   */
  unknown(ranges: Ranges | undefined, known: ReadonlySet<number>): Ranges | undefined {
    const { wire } = this;
    const number = wire.tag >>> 3;
    if (known.has(number)) {
      const message = `Field ${number} has wire type ${wire.tag & 7}, which is not its type`;
      this.complain('onnx/wire-type', message, wire.fieldStart);
      return wire.note(ranges);
    }
    const { fieldStart } = wire;
    const kept = wire.note(ranges);
    if (wire.noted) {
      if (this.unknownFields === 0) this.firstUnknown = fieldStart;
      this.unknownFields += 1;
    }
    return kept;
  }

  /** Ends a message: what was not known becomes its `unknown`. */
  keep(target: { unknown?: Uint8Array }, ranges: Ranges | undefined): void {
    if (ranges) target.unknown = this.wire.copyRanges(ranges);
  }

  /** Notes a payload at [start, start + length) without reading it, unless it is small. */
  payload(start: number, length: number): Bytes {
    if (this.whole) return { in: 'memory', data: this.whole.subarray(start, start + length) };
    if (length <= smallPayload) return { in: 'memory', data: this.wire.copy(start, start + length) };
    return { in: 'file', file: this.file, offset: start, length };
  }

  /** The current field as a StringStringEntryProto. */
  entry(): StringEntry {
    const { wire } = this;
    const entry: StringEntry = { key: '', value: '' };
    let rest: Ranges | undefined;
    const outer = wire.enter();
    while (wire.next()) {
      switch (wire.tag) {
        case 10:
          entry.key = wire.string();
          break;
        case 18:
          entry.value = wire.string();
          break;
        default:
          rest = this.unknown(rest, entryFields);
      }
    }
    this.keep(entry, rest);
    wire.leave(outer);
    return entry;
  }
}

const entryFields = new Set([1, 2]);
