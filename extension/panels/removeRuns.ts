// The question before runs leave the history.

import * as vscode from 'vscode';
import { RemoveRuns } from '../../daemon/protocol/runs';
import type { Context } from '../context';

/** Asks, and removes the runs; the models that they wrote stay. */
export async function removeRunsAfterQuestion({ daemon }: Context, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const remove = 'Remove';
  const one = ids.length === 1;
  const answer = await vscode.window.showWarningMessage(
    `Remove ${one ? 'this run' : `${ids.length} runs`} from the history? Models that ${one ? 'it' : 'they'} wrote stay.`,
    { modal: true },
    remove,
  );
  if (answer === remove) await daemon.request(RemoveRuns, { ids: [...ids] });
}
