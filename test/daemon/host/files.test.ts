// Files by range, and writing that leaves the old file or the new one, also when the process is killed or
// the disk is full.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  linkSync,
  lstatSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileSystemError } from '../../../daemon/base/errors';
import type { SlipwayError } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import {
  fileRef,
  freePath,
  openSource,
  openUnchanged,
  sameFile,
  writeAtomically,
} from '../../../daemon/host/files';
import { bundleScript } from '../../support/bundle';
import { temporaryFolder } from '../../support/paths';

const root = temporaryFolder();
let number = 0;

/** A fresh folder, so that a test sees only its own files. */
function freshFolder(): string {
  number += 1;
  const path = join(root, String(number));
  mkdirSync(path);
  return path;
}

const isKind = (kind: string, message?: RegExp) => (error: SlipwayError) =>
  error.kind === kind && (message === undefined || message.test(error.message));

test('a source reads at any offset, past the end only what is there', () => {
  const path = join(freshFolder(), 'bytes');
  writeFileSync(
    path,
    Uint8Array.from({ length: 100 }, (_, index) => index),
  );
  const source = openSource(path);
  const target = new Uint8Array(10);
  assert.equal(source.readSync(5, target), 10);
  assert.deepEqual([...target], [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  assert.equal(source.readSync(95, target), 5);
  assert.equal(source.readSync(100, target), 0);
  assert.equal(source.ref.size, 100);
  source.close();
});

test('a source reads beyond 4 GB', () => {
  const path = join(freshFolder(), 'sparse');
  writeFileSync(path, '');
  truncateSync(path, 5 * 2 ** 30);
  writeFileSync(path, 'end', { flag: 'a' });
  const source = openSource(path);
  const target = new Uint8Array(8);
  assert.equal(source.readSync(5 * 2 ** 30 - 2, target), 5);
  assert.equal(Buffer.from(target).toString('latin1', 2, 5), 'end');
  source.close();
});

test('what is no regular file is refused at once', () => {
  const folder = freshFolder();
  assert.throws(() => openSource(join(folder, 'none')), isKind('notFound', /none/));
  assert.throws(() => openSource(folder), isKind('fileSystem', /folder/));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  assert.throws(() => openSource(join(folder, 'pipe')), isKind('fileSystem', /regular file/));
});

test('a file that changed since is not opened', () => {
  const path = join(freshFolder(), 'bytes');
  writeFileSync(path, 'one');
  const ref = fileRef(path);
  openUnchanged(ref).close();
  writeFileSync(path, 'two!');
  assert.throws(() => openUnchanged(ref), isKind('fileSystem', /changed on disk; open it again/));
});

test('the same file by name, link and hard link', () => {
  const folder = freshFolder();
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  writeFileSync(a, 'same');
  writeFileSync(b, 'same');
  symlinkSync(a, join(folder, 'link'));
  linkSync(a, join(folder, 'hard'));
  assert.ok(sameFile(a, join(folder, '..', String(number), 'a')));
  assert.ok(sameFile(a, join(folder, 'link')));
  assert.ok(sameFile(a, join(folder, 'hard')));
  assert.ok(!sameFile(a, b));
  assert.ok(!sameFile(a, join(folder, 'none')));
});

test('a free path counts before the extension', () => {
  const folder = freshFolder();
  const path = join(folder, 'model.int8.onnx');
  assert.equal(freePath(path), path);
  writeFileSync(path, '');
  assert.equal(freePath(path), join(folder, 'model.int8-2.onnx'));
  writeFileSync(join(folder, 'model.int8-2.onnx'), '');
  assert.equal(freePath(path), join(folder, 'model.int8-3.onnx'));
  mkdirSync(join(folder, 'bundle'));
  assert.equal(freePath(join(folder, 'bundle')), join(folder, 'bundle-2'));
});

const write = (path: string, text: string, overwrite = false) =>
  writeAtomically(path, { overwrite }, (out) => out.append(Buffer.from(text)), silentTask);

test('writing makes the file, refuses to replace one, and replaces it when asked', async () => {
  const folder = freshFolder();
  const path = join(folder, 'out');
  await write(path, 'first');
  await assert.rejects(write(path, 'second'), isKind('conflict', /already exists/));
  assert.equal(readFileSync(path, 'utf8'), 'first');
  await write(path, 'third', true);
  assert.equal(readFileSync(path, 'utf8'), 'third');
  assert.deepEqual(readdirSync(folder), ['out']);
});

test('a file that appears while writing is not replaced', async () => {
  const folder = freshFolder();
  const path = join(folder, 'out');
  const writing = writeAtomically(
    path,
    {},
    async (out) => {
      await out.append(Buffer.from('ours'));
      writeFileSync(path, 'theirs');
    },
    silentTask,
  );
  await assert.rejects(writing, isKind('conflict'));
  assert.equal(readFileSync(path, 'utf8'), 'theirs');
  assert.deepEqual(readdirSync(folder), ['out']);
});

test('an error or a cancel while writing leaves the old file and nothing else', async () => {
  const folder = freshFolder();
  const path = join(folder, 'out');
  await write(path, 'old');
  const failing = writeAtomically(
    path,
    { overwrite: true },
    async (out) => {
      await out.append(Buffer.from('half'));
      assert.equal(out.position, 4);
      assert.equal(readdirSync(folder).length, 2);
      throw new Error('the source broke');
    },
    silentTask,
  );
  await assert.rejects(failing, isKind('fileSystem', /the source broke/));
  const controller = new AbortController();
  const cancelled = writeAtomically(
    path,
    { overwrite: true },
    async (out) => {
      for (;;) {
        await out.append(new Uint8Array(1 << 20));
        if (out.position > 4 << 20) controller.abort();
      }
    },
    { signal: controller.signal, report: () => undefined },
  );
  await assert.rejects(cancelled, isKind('cancelled'));
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['out']);
});

test('a target that is a link is followed; a folder or a missing folder is refused', async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, 'real'));
  writeFileSync(join(folder, 'real', 'out'), 'old');
  symlinkSync(join('real', 'out'), join(folder, 'link'));
  await write(join(folder, 'link'), 'new', true);
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
  assert.equal(readFileSync(join(folder, 'real', 'out'), 'utf8'), 'new');
  await assert.rejects(write(join(folder, 'real'), 'x', true), isKind('fileSystem', /folder/));
  await assert.rejects(write(join(folder, 'none', 'out'), 'x'), isKind('notFound'));
});

test('errors of the disk are sentences', () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EFBIG']) {
    const error = fileSystemError('write', '/models/out.onnx', Object.assign(new Error(code), { code }));
    assert.equal(error.kind, 'fileSystem');
    assert.match(error.message, /^Cannot write \/models\/out\.onnx: .*[a-z].*\.$/);
    assert.doesNotMatch(error.message, new RegExp(code));
  }
});

/** A script that writes `argv[2]` for ever (or `argv[3]` megabytes), and prints how it ended. */
const writer = `
  import { writeAtomically } from './daemon/host/files';
  import { silentTask } from './daemon/base/task';
  const most = Number(process.argv[3] ?? Infinity);
  void writeAtomically(process.argv[2]!, { overwrite: true }, async (out) => {
    while (out.position < most * (1 << 20)) {
      await out.append(new Uint8Array(1 << 20).fill(7));
      if (out.position === 8 << 20) process.stdout.write('busy\\n');
    }
  }, silentTask).then(
    () => console.log('written'),
    (error) => console.log(error.kind + ': ' + error.message),
  );
`;

test('killing the process in the middle leaves the old file whole, and the next write tidies up', async () => {
  const folder = freshFolder();
  const script = join(root, 'writer.cjs');
  await bundleScript(writer, script);
  const path = join(folder, 'out');
  writeFileSync(path, 'old');
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  );
  child.kill('SIGKILL');
  assert.equal(await ended, 'SIGKILL');
  assert.equal(readFileSync(path, 'utf8'), 'old');
  const left = readdirSync(folder).filter((name) => name !== 'out');
  assert.equal(left.length, 1);
  assert.ok(left[0]!.startsWith('.out.'));
  assert.ok(statSync(join(folder, left[0]!)).size >= 8 << 20);

  // Fresh remains could be somebody's work; a minute later they are not.
  await write(path, 'newer', true);
  assert.ok(existsSync(join(folder, left[0]!)));
  const before = new Date(Date.now() - 120_000);
  utimesSync(join(folder, left[0]!), before, before);
  await write(path, 'newest', true);
  assert.deepEqual(readdirSync(folder), ['out']);
});

test('a file-size limit in the middle of writing leaves the old file and a sentence', async () => {
  const folder = freshFolder();
  const script = join(root, 'limited.cjs');
  await bundleScript(writer, script);
  const path = join(folder, 'out');
  writeFileSync(path, 'old');
  // Blocks of 512 bytes: 4 MB. The signal is ignored, so that the write itself fails.
  const limited = `trap '' XFSZ; ulimit -f 8192; exec "$0" "$@"`;
  const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, script, path, '64'], {
    encoding: 'utf8',
  });
  assert.match(stdout, /^fileSystem: Cannot write .*larger than this disk allows\. Nothing was changed\.$/m);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['out']);
});

test('a full disk leaves the old file and a sentence', async (context) => {
  const folder = freshFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]);
  if (mounted.status !== 0) {
    // The limit on the file's size above stands in for it.
    context.diagnostic(
      'No small disk could be mounted here (that needs root); tested with a file-size limit only.',
    );
    return;
  }
  try {
    const path = join(folder, 'out');
    writeFileSync(path, 'old');
    const filling = writeAtomically(
      path,
      { overwrite: true },
      (out) => out.append(new Uint8Array(16 << 20)),
      silentTask,
    );
    await assert.rejects(filling, isKind('fileSystem', /the disk is full.*nothing was changed/));
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['out']);
  } finally {
    spawnSync('umount', [folder]);
  }
});
