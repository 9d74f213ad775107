// Errors of the outside world and of wrong requests, each with a stable kind. A broken model is not an
// error but a Diagnostic (diagnostic.ts). The dispatcher maps kinds to protocol codes, the command line
// to exit codes.

export type ErrorKind =
  | 'badRequest' // the caller asked for something that cannot be: wrong option, wrong shape, wrong dtype
  | 'notFound' // a file, a model or a deployment that is not there
  | 'invalidModel' // the model's diagnostics forbid what was asked
  | 'unsupported' // right in itself, but not on this machine or in this version
  | 'fileSystem' // permission, full disk, vanished file
  | 'conflict' // would overwrite, port in use, already running
  | 'runnerFailed' // ONNX Runtime refused the model or the inputs
  | 'runnerDied' // the runner process crashed, hung or was killed
  | 'timeout'
  | 'modelChanged' // the file is not the one that the caller looked at
  | 'cancelled';

/** An error whose message is a sentence for the user: what happened, where, what to do. */
export class SlipwayError extends Error {
  override readonly name = 'SlipwayError';
  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: { cause?: unknown; data?: unknown },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.data = options?.data;
  }
  /** Machine-readable detail, sent along as JSON-RPC error data. */
  readonly data: unknown;
}

export const badRequest = (message: string, data?: unknown) =>
  new SlipwayError('badRequest', message, { data });
export const notFound = (message: string, cause?: unknown) =>
  new SlipwayError('notFound', message, { cause });
export const unsupported = (message: string) => new SlipwayError('unsupported', message);
export const conflict = (message: string) => new SlipwayError('conflict', message);
export const cancelled = () => new SlipwayError('cancelled', 'Cancelled.');

/** Turns a Node file-system error into a sentence with the path and what to do. */
export function fileSystemError(action: string, path: string, cause: unknown): SlipwayError {
  const code = (cause as { code?: string } | undefined)?.code;
  const said: Record<string, string> = {
    ENOENT: 'it does not exist. Check the path.',
    EACCES: 'permission was denied. Check the rights of the file and its folder.',
    EPERM: 'permission was denied. Check the rights of the file and its folder.',
    ENOSPC: 'the disk is full. Free some space and run again; nothing was changed.',
    EDQUOT: 'the disk quota is used up. Free some space and run again; nothing was changed.',
    EROFS: 'the disk is read-only. Choose another folder.',
    EISDIR: 'it is a folder. Name a file.',
    ENOTDIR: 'a part of its path is a file, not a folder. Check the path.',
    EFBIG: 'the file would be larger than this disk allows. Nothing was changed.',
  };
  if (code === 'ENOENT' && action.startsWith('write'))
    said['ENOENT'] = 'its folder does not exist. Make the folder, or name another.';
  const why = (code && said[code]) ?? (cause instanceof Error ? cause.message : String(cause));
  return new SlipwayError(code === 'ENOENT' ? 'notFound' : 'fileSystem', `Cannot ${action} ${path}: ${why}`, {
    cause,
  });
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
