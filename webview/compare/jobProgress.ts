// How far the job is: stage, done of total, time left, and the way to stop it.

import { html, nothing, type TemplateResult } from 'lit';
import type { ProgressValue } from '../../daemon/protocol/common';
import { duration, whole } from '../ui/format';
import { fullText, visible } from '../ui/text';

export function jobProgress(
  progress: ProgressValue | null,
  cancelling: boolean,
  cancel: () => void,
): TemplateResult {
  const { done, total, remainingMs } = progress ?? {};
  const known = done !== undefined && total !== undefined && total > 0;
  const parts: string[] = [];
  // What is not counted in pieces (seconds of measuring, say) is told by the bar and the time left.
  if (known && Number.isInteger(done) && Number.isInteger(total))
    parts.push(`${whole(done)} of ${whole(total)}`);
  if (remainingMs !== undefined && Number.isFinite(remainingMs)) parts.push(`${duration(remainingMs)} left`);
  return html`<div class="progress">
    <div class="progress-line">
      <span role="status" title=${progress?.stage === undefined ? nothing : fullText(progress.stage)}
        >${cancelling ? 'Cancelling' : visible(progress?.stage ?? 'Starting')}</span
      >
      <span class="muted tabular">${parts.join(' · ')}</span>
      <button type="button" class="secondary" ?disabled=${cancelling} @click=${cancel}>Cancel</button>
    </div>
    ${
      known
        ? html`<progress
            max=${total}
            .value=${Math.min(done, total)}
            aria-label="Progress of this stage"
          ></progress>`
        : html`<progress
            aria-label="Progress of this stage"
            class=${progress === null ? 'idle' : ''}
          ></progress>`
    }
  </div>`;
}
