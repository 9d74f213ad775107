// One run as a JSON file: the summary is the first line, so that a list of a thousand runs reads a thousand
// lines and no results. The whole is one JSON document all the same.

import { open, readFile } from 'node:fs/promises';
import { notFound } from '../base/errors';
import { omit } from '../base/omit';
import { silentTask } from '../base/task';
import { writeAtomically } from '../host/files';
import type { RunRecord, RunSummary } from '../protocol/runs';

/** A summary as it is stored: with the process that works on it. */
export interface StoredSummary extends RunSummary {
  readonly processId: number;
}

const opening = '{"summary":';
/** A first line longer than this is no summary of ours. */
const longestSummary = 1 << 20;

/** Writes a record so that a reader finds the old one or the new one. Throws `fileSystem`. */
export async function writeRun(path: string, record: RunRecord, processId: number): Promise<void> {
  const { params, result, rows, ...summary } = record;
  const stored: StoredSummary = { ...summary, processId };
  const text =
    `${opening}${JSON.stringify(stored)},\n"params":${json(params)},\n` +
    `"rows":${json(rows)},\n"result":${json(result)}}\n`;
  await writeAtomically(path, { overwrite: true }, (out) => out.append(Buffer.from(text)), silentTask);
}

const json = (value: unknown): string => JSON.stringify(value ?? null);

/** The first line of a record; undefined for a file that is none. */
export async function readSummary(path: string): Promise<StoredSummary | undefined> {
  let handle;
  try {
    handle = await open(path, 'r');
    let text = '';
    const piece = Buffer.alloc(8192);
    while (!text.includes('\n') && text.length < longestSummary) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return undefined;
      // Latin-1 keeps bytes apart until the line is whole.
      text += piece.toString('latin1', 0, bytesRead);
    }
    const line = Buffer.from(text.slice(0, text.indexOf('\n')), 'latin1').toString('utf8');
    if (!line.startsWith(opening) || !line.endsWith(',')) return undefined;
    return JSON.parse(line.slice(opening.length, -1)) as StoredSummary;
  } catch {
    return undefined;
  } finally {
    await handle?.close();
  }
}

/** A whole record; throws `notFound` when the file is gone or is none. */
export async function readRun(path: string, id: string): Promise<RunRecord> {
  try {
    const whole = JSON.parse(await readFile(path, 'utf8')) as {
      summary: StoredSummary;
      params: unknown;
      rows: unknown[];
      result: unknown;
    };
    return {
      ...omit(whole.summary, 'processId'),
      params: whole.params,
      result: whole.result,
      rows: whole.rows,
    };
  } catch (error) {
    throw notFound(`There is no run ${id} in the history, or its file ${path} cannot be read.`, error);
  }
}
