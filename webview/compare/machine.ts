// Where and how it was measured, in one line: every number on the page depends on it.

import type { JobView } from '../../daemon/protocol/page';
import { plural } from '../ui/format';
import { visible } from '../ui/text';
import { rowsOf } from './comparison';

/** The instruction sets that decide how fast integers are; others are left out. */
const telling = ['amx_int8', 'avx512_vnni', 'avx_vnni', 'i8mm', 'dotprod', 'avx512f', 'avx2', 'neon'];

const fileName = (path: string) => visible(path.split(/[\\/]/).pop() ?? path);

/** Parts known so far, joined by dots; empty before anything was measured. */
export function machineText(job: JobView): string {
  const parts: string[] = [];
  const machine = job.result?.machine;
  if (machine !== undefined) {
    const best = telling.find((name) => machine.instructionSets.includes(name));
    parts.push(
      `${visible(machine.cpu)} (${plural(machine.cores, 'core')}${best === undefined ? '' : `, ${best}`})`,
    );
  }
  const measurements = rowsOf(job).flatMap(({ variant }) => variant?.measurement ?? []);
  const first = measurements[0];
  if (first !== undefined) {
    const samples = measurements.map((measurement) => measurement.samples);
    const [low, high] = [Math.min(...samples), Math.max(...samples)];
    parts.push(
      first.device,
      plural(first.threads, 'thread'),
      `batch ${first.batch}`,
      low === high ? `${plural(low, 'timed run')} each` : `${low} to ${high} timed runs each`,
    );
  }
  if (machine !== undefined) parts.push(`ONNX Runtime ${visible(machine.onnxruntime)}`, machine.platform);
  return parts.join(' · ');
}

/** Which data was used, or that none was. */
export function dataText(job: JobView): string {
  if (job.result === null) return '';
  const { calibration, validation } = job.result;
  const evaluated = rowsOf(job).flatMap(({ variant }) => variant?.top1 ?? [])[0];
  return [
    calibration === null ? 'Not calibrated' : `Calibrated on ${fileName(calibration)}`,
    evaluated === undefined
      ? 'accuracy not measured: no labelled data was found beside the model'
      : `top-1 on ${plural(evaluated.samples, 'sample')}${validation === null ? '' : ` of ${fileName(validation)}`}, 95 % intervals`,
  ].join(' · ');
}
