// Progress of one request on its way out: at most twenty reports a second, rows always, none after the answer.

import type { Progress } from '../base/task';
import type { ProgressValue } from '../protocol/common';

const intervalMs = 50;

export class ProgressReporter {
  private pending: Progress | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lastSent = -Infinity;
  private closed = false;
  private stage = '';
  private began = { at: 0, done: 0 };

  /** `send` gets what is to go out; `congested` is true while the client does not keep up with reading. */
  constructor(
    private readonly send: (value: ProgressValue) => void,
    private readonly congested: () => boolean = () => false,
  ) {}

  report(progress: Progress): void {
    if (this.closed) return;
    const now = performance.now();
    if (progress.stage !== this.stage) {
      this.stage = progress.stage;
      this.began = { at: now, done: progress.done ?? 0 };
    }
    if (progress.row !== undefined) {
      this.emit(progress, now);
      return;
    }
    this.pending = progress;
    const wait = this.lastSent + intervalMs - now;
    if (wait <= 0 && !this.congested()) this.emit(progress, now);
    else this.timer ??= setTimeout(() => this.later(), Math.max(wait, intervalMs / 5));
  }

  /** Sends what is still held back; whatever is reported afterwards is dropped. */
  close(): void {
    if (this.closed) return;
    if (this.pending && !this.congested()) this.emit(this.pending, performance.now());
    this.closed = true;
    clearTimeout(this.timer);
  }

  private later(): void {
    this.timer = undefined;
    if (!this.pending || this.closed) return;
    if (this.congested()) this.timer = setTimeout(() => this.later(), intervalMs);
    else this.emit(this.pending, performance.now());
  }

  private emit({ stage, done, total, row }: Progress, now: number): void {
    this.pending = undefined;
    this.lastSent = now;
    const value: ProgressValue = { stage };
    if (done !== undefined) value.done = done;
    if (total !== undefined) value.total = total;
    const remaining = this.remainingMs(done, total, now);
    if (remaining !== undefined) value.remainingMs = remaining;
    if (row !== undefined) value.row = row;
    this.send(value);
  }

  /** From the rate since the stage began; undefined until there is one. */
  private remainingMs(done: number | undefined, total: number | undefined, now: number): number | undefined {
    if (done === undefined || total === undefined || done <= this.began.done) return undefined;
    const perStep = (now - this.began.at) / (done - this.began.done);
    return Math.max(0, Math.round((total - done) * perStep));
  }
}
