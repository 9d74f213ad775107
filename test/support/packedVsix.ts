// The VSIX under test: packed once for each run from the built files.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repository, temporaryFolder } from './paths';

// Made while the file loads, so that it lives as long as the file and not as one test.
const folder = temporaryFolder('slipway-vsix-');
let packed: string | undefined;

/** Packs on first use; prints the size that `npm run package` prints. */
export function packedVsix(): string {
  if (packed) return packed;
  const output = join(folder, 'slipway.vsix');
  const done = spawnSync(process.execPath, ['scripts/package.mjs', '--no-build', '--out', output], {
    cwd: repository,
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, `Packing failed: ${done.stdout}${done.stderr}`);
  process.stdout.write(
    done.stdout
      .split('\n')
      .filter((line) => line.includes('MB'))
      .join('\n') + '\n',
  );
  packed = output;
  return output;
}
