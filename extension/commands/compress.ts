// Slipway: Compress and Benchmark — starts the job and fills a results panel while it runs.

import { access } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import * as vscode from 'vscode';
import { Compress, type CompressResult } from '../../daemon/protocol/compress';
import { ErrorCode } from '../../daemon/protocol/errors';
import type { Context } from '../context';
import { describeFailure } from '../daemon/failure';
import { isOfAnother } from '../jobs/offers';
import { ResultsPanel } from '../panels/results';
import { mayRun, pickModel } from './pickModel';

/** Resolves with the result, or undefined when the user backed out, cancelled, or it failed (the panel says why). */
export async function compress(context: Context, argument: unknown): Promise<CompressResult | undefined> {
  const model = await pickModel(argument);
  if (!model || !(await mayRun('Compressing'))) return undefined;
  const calibration = await calibrationFor(model);
  const planned = calibration ? ['original', 'int8 static'] : ['original', 'int8 dynamic'];
  const panel = new ResultsPanel(context, `Compress ${basename(model.fsPath)}`, model, planned);
  const source = new vscode.CancellationTokenSource();
  panel.onCancel(() => source.cancel());
  try {
    const result = await context.daemon.request(
      Compress,
      { uri: model.toString(), ...(calibration ? { calibration } : {}) },
      {
        token: source.token,
        onProgress: ({ row, ...progress }) => {
          if (row) panel.row(row);
          panel.update({ progress });
        },
      },
    );
    panel.update({ progress: null, result, rows: result.variants });
    return result;
  } catch (error) {
    const failure = describeFailure(error);
    if (failure.code === ErrorCode.requestCancelled) panel.update({ progress: null, cancelled: true });
    else panel.update({ progress: null, error: failure });
    return undefined;
  } finally {
    source.dispose();
  }
}

/**
 * Calibration data for a model: what lies beside it by name is found by the daemon; where there is none, the
 * user is asked once, and may go on without.
 */
async function calibrationFor(model: vscode.Uri): Promise<string | undefined> {
  const folder = dirname(model.fsPath);
  const name = basename(model.fsPath, extname(model.fsPath));
  const own = join(folder, `${name}_calibration.npz`);
  if (await exists(own)) return own;
  const beside = (await vscode.workspace.fs.readDirectory(vscode.Uri.file(folder))).map(([file]) => file);
  const inFolder = beside
    .filter((file) => file.endsWith('_calibration.npz'))
    .filter((file) => !isOfAnother(file, { model: model.fsPath, beside }));
  if (inFolder.length === 1) return join(folder, inFolder[0]!);
  const choose = 'Choose Calibration Data…';
  const without = 'Go On Without';
  const answer = await vscode.window.showInformationMessage(
    `No calibration data lies beside ${basename(model.fsPath)} (${name}_calibration.npz, arrays named like the model's inputs). With it, convolutions can run in integers; without, only matrix products can, and accuracy is not measured.`,
    { modal: true },
    choose,
    without,
  );
  if (answer !== choose) {
    if (answer === without) return undefined;
    throw new vscode.CancellationError();
  }
  const [picked] =
    (await vscode.window.showOpenDialog({
      title: 'Calibration data',
      filters: { NumPy: ['npz'] },
      defaultUri: vscode.Uri.file(folder),
    })) ?? [];
  return picked?.fsPath;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
