// One line on a terminal that says what is being done, how far it is, and how long it may take.

import type { Progress } from '../base/task';

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const redrawMs = 80;
const barCells = 24;

export interface ProgressBar {
  show(progress: Progress): void;
  /** Takes the line away. */
  clear(): void;
}

/** A bar on `output`; silent where that is no terminal. */
export function progressBar(output: ProgressOutput): ProgressBar {
  let stage = '';
  let startedMs = 0;
  let startedDone = 0;
  let drawnMs = -Infinity;
  let drawn = false;
  return {
    show({ stage: now, done, total }) {
      if (!output.isTTY) return;
      const nowMs = performance.now();
      if (now !== stage) {
        stage = now;
        startedMs = nowMs;
        startedDone = done ?? 0;
      } else if (nowMs - drawnMs < redrawMs) return;
      drawnMs = nowMs;
      drawn = true;
      const left = timeLeft(nowMs - startedMs, (done ?? 0) - startedDone, (total ?? 0) - (done ?? 0));
      const line = [stage, bar(done, total), left].filter((part) => part !== '').join('  ');
      output.write(`\r\x1b[2K${line.slice(0, Math.max(20, (output.columns ?? 80) - 1))}`);
    },
    clear() {
      if (drawn) output.write('\r\x1b[2K');
      drawn = false;
    },
  };
}

function bar(done: number | undefined, total: number | undefined): string {
  if (done === undefined || total === undefined || total <= 0) return '';
  const filled = Math.round(Math.min(1, done / total) * barCells);
  return `${'━'.repeat(filled)}${'╌'.repeat(barCells - filled)}  ${Math.round(done)}/${Math.round(total)}`;
}

/** Told once there is something to reckon with. */
function timeLeft(elapsedMs: number, made: number, missing: number): string {
  if (made <= 0 || missing <= 0 || elapsedMs < 1000) return '';
  return `${Math.max(1, Math.round((elapsedMs / made) * missing * 0.001))} s left`;
}
