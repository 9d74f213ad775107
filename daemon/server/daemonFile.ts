// The daemon file: where a client finds the port and the token. Its owner alone may read it. There is one per
// user, and whoever creates it first is the daemon that everybody shares.

import { randomBytes } from 'node:crypto';
import { constants, copyFile, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSystemError } from '../base/errors';

export interface DaemonFile {
  readonly protocolVersion: number;
  readonly daemonVersion: string;
  readonly port: number;
  readonly token: string;
  readonly processId: number;
}

export { stateFolder } from '../host/stateFolder';

export const daemonFilePath = (folder: string): string => join(folder, 'daemon.json');

/** The file's content; undefined when there is none, or none that makes sense. */
export async function readDaemonFile(folder: string): Promise<DaemonFile | undefined> {
  try {
    const file = JSON.parse(await readFile(daemonFilePath(folder), 'utf8')) as Partial<DaemonFile> | null;
    return typeof file?.port === 'number' && typeof file.token === 'string'
      ? (file as DaemonFile)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Creates the file, complete from its first instant. `stale` is the content that may be replaced; undefined means
 * whatever is there makes no sense. False when another daemon was quicker.
 */
export async function createDaemonFile(
  folder: string,
  content: DaemonFile,
  stale: DaemonFile | undefined,
): Promise<boolean> {
  const path = daemonFilePath(folder);
  const own = join(folder, `daemon.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(own, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' });
    // A link is created or refused as a whole, which a rename over an existing file is not.
    if (await linked(own, path)) return true;
    const aside = `${own}.stale`;
    await rename(path, aside).catch(() => undefined);
    const moved = await readFile(aside, 'utf8').catch(() => undefined);
    const mine = moved === undefined || parsedToken(moved) === stale?.token;
    // What was moved away is another daemon's, which came in between: give it its place back.
    if (!mine) await linked(aside, path);
    await rm(aside, { force: true });
    return mine && (await linked(own, path));
  } catch (error) {
    throw fileSystemError('write', path, error);
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
}

/** Removes the file if it is still ours. */
export async function removeDaemonFile(folder: string, token: string): Promise<void> {
  if ((await readDaemonFile(folder))?.token === token) await rm(daemonFilePath(folder), { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
  }
  // Some file systems have no links. A copy is exclusive too, though a reader may meet it half written.
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function parsedToken(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { token?: string } | null)?.token;
  } catch {
    return undefined;
  }
}
