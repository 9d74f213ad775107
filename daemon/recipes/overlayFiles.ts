// Overlays in files: reads what other tools wrote, writes what they read.

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  overlayText,
  parseOverlays,
  unknownNodes,
  type OverlayFormat,
} from '../analysis/overlays/overlayText';
import type { Diagnostic } from '../base/diagnostic';
import { badRequest, fileSystemError } from '../base/errors';
import type { Overlay } from '../base/overlay';
import { throwIfCancelled, type Task } from '../base/task';
import { writeAtomically } from '../host/atomicFile';
import type { Model } from '../ir/model';

/** Larger files hold something else: 100 MB are about a million nodes. */
const mostBytes = 100_000_000;

/** Reads a file of overlays; with a model, names that it does not have are reported. */
export async function readOverlays(
  file: string,
  model: Model | undefined,
  task: Task,
): Promise<{ format: OverlayFormat; overlays: Overlay[]; diagnostics: Diagnostic[] }> {
  const text = await readText(file);
  throwIfCancelled(task);
  const { format, overlays } = parseOverlays(text, basename(file));
  return { format, overlays, diagnostics: model === undefined ? [] : unknownNodes(overlays, model) };
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > mostBytes) {
      throw badRequest(
        `${file} has ${Math.round(size / 1e6)} MB; values for nodes are read from files of up to ${mostBytes / 1e6} MB.`,
      );
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error;
    throw fileSystemError('read', file, error);
  }
}

/** Writes one overlay; an existing file is a conflict unless `overwrite`. */
export async function writeOverlay(
  overlay: Overlay,
  format: OverlayFormat,
  file: string,
  options: { overwrite?: boolean },
  task: Task,
): Promise<{ file: string; entries: number }> {
  const bytes = new TextEncoder().encode(overlayText(overlay, format));
  await writeAtomically(file, options, (out) => out.append(bytes), task);
  return { file, entries: overlay.entries.length };
}
