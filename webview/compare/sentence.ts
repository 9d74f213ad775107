// The result in one sentence, in parts that carry whether they are good news.

import type { JobView } from '../../daemon/protocol/page';
import type { Variant } from '../../daemon/protocol/compress';
import { signed, three } from '../ui/format';
import { visible } from '../ui/text';
import { accuracyDifference, baselineOf, jobState, rowsOf, speedVerdict, type Verdict } from './comparison';

export interface Part {
  text: string;
  verdict?: Verdict;
  /** How the number came about. */
  title?: string;
}

/** The header of a job. */
export function headline(job: JobView, compared: Variant | undefined): Part[] {
  const state = jobState(job);
  const rows = rowsOf(job);
  const base = baselineOf(rows);
  if (state === 'running') return [{ text: `Compressing ${visible(job.model.name)}` }];
  if (state === 'failed') return [{ text: `Compressing ${visible(job.model.name)} failed` }];
  if (state === 'cancelled') return [{ text: `Cancelled: what was found until then stays` }];
  if (base === undefined || compared === undefined) return [{ text: visible(job.title) }];
  const chosen = job.result?.chosen;
  const keepOriginal = chosen === base.file && compared.file !== base.file;
  const parts = comparison(base, compared);
  return [
    { text: `${keepOriginal ? 'Stay with the original. ' : ''}${visible(compared.recipe)}: ` },
    ...parts.flatMap((part, i) => (i === 0 ? [part] : [{ text: ', ' }, part])),
  ];
}

/** What changed from one to the other: speed, size, accuracy. */
export function comparison(base: Variant, other: Variant): Part[] {
  // The reason stands in its row of the table.
  if (other.failed !== undefined)
    return [{ text: 'could not be made or measured', verdict: 'worse', title: visible(other.failed) }];
  const parts: Part[] = [];
  const { ratio } = other;
  if (ratio !== null) {
    const verdict = speedVerdict(ratio);
    const interval = `p50 ratio ${three(ratio.p50Ratio)}, 95 % interval ${three(ratio.low)} to ${three(ratio.high)}`;
    parts.push(
      verdict === 'better'
        ? { text: `${three(ratio.p50Ratio)}× faster`, verdict, title: interval }
        : verdict === 'worse'
          ? { text: `${three(1 / ratio.p50Ratio)}× slower`, verdict, title: interval }
          : { text: 'as fast within the error', verdict, title: interval },
    );
  }
  const size = other.fileBytes / Math.max(1, base.fileBytes);
  parts.push({
    text: `${three(size)} of the size`,
    verdict: size < 0.995 ? 'better' : size > 1.005 ? 'worse' : 'same',
  });
  if (base.top1 !== null && other.top1 !== null) {
    const { points, margin, verdict } = accuracyDifference(base.top1, other.top1, other.top1Difference);
    parts.push({
      text: `top-1 ${signed(points)} ± ${margin.toFixed(1)} points`,
      verdict,
      title:
        other.top1Difference === undefined
          ? '95 % interval of the difference, from the intervals of both'
          : '95 % interval of the difference on the same samples',
    });
  } else {
    parts.push({ text: 'accuracy was not measured', verdict: 'same' });
  }
  return parts;
}

/** The sentence as text. */
export const plainText = (parts: readonly Part[]): string => parts.map(({ text }) => text).join('');
