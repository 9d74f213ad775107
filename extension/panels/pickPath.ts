// The dialogs behind the *Browse* buttons of a form.

import * as vscode from 'vscode';
import type { PathUse } from '../../daemon/protocol/jobPage';

const filters: Partial<Record<PathUse, Record<string, string[]>>> = {
  calibration: { 'NumPy archives': ['npz'] },
  validation: { 'NumPy archives': ['npz'] },
  data: { 'NumPy archives': ['npz'] },
  model: { 'ONNX models': ['onnx'] },
  newModel: { 'ONNX models': ['onnx'] },
  file: { JSON: ['json'] },
  recipe: { Recipes: ['yaml', 'yml'] },
};
const titles: Readonly<Record<PathUse, string>> = {
  calibration: 'Calibration data',
  validation: 'Labelled data',
  data: 'Data',
  samples: 'Data to evaluate on',
  model: 'Another model',
  file: 'File',
  recipe: 'Recipe',
  newModel: 'Where to write the model',
  newFile: 'Where to keep it',
};

/** Null when the user backs out. */
export async function pickPath(use: PathUse, model: vscode.Uri): Promise<string | null> {
  const folder = vscode.Uri.joinPath(model, '..');
  const filter = filters[use];
  const options = { title: titles[use], defaultUri: folder, ...(filter ? { filters: filter } : {}) };
  if (use === 'newModel' || use === 'newFile') {
    const picked = await vscode.window.showSaveDialog(options);
    return picked?.fsPath ?? null;
  }
  // No dialog of Linux or Windows takes both.
  const kind = use === 'samples' ? await fileOrFolder() : 'file';
  if (kind === undefined) return null;
  const [picked] =
    (await vscode.window.showOpenDialog({
      ...options,
      canSelectFolders: kind === 'folder',
      canSelectFiles: kind === 'file',
    })) ?? [];
  return picked?.fsPath ?? null;
}

async function fileOrFolder(): Promise<'file' | 'folder' | undefined> {
  const chosen = await vscode.window.showQuickPick(
    [
      { label: '$(file) A file', detail: '.npz, .npy, .csv or .jsonl', what: 'file' as const },
      {
        label: '$(folder) A folder',
        detail:
          'With a subfolder of pictures or .wav files for each class, with test_data_set_* folders, or with .npy files',
        what: 'folder' as const,
      },
    ],
    { title: titles.samples },
  );
  return chosen?.what;
}
