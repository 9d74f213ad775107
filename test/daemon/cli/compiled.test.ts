import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { repository, temporaryFolder } from '../../support/paths';

const folder = temporaryFolder();
const state = join(folder, 'state');
const kept = join(state, 'compiled');

/** A program that runs `app.js` beside it as the command line runs its bundle. */
async function launcher(): Promise<string> {
  const path = join(folder, 'launcher.js');
  const entry = `
    import { createRequire } from 'node:module';
    import { join } from 'node:path';
    import { runCompiled } from ${JSON.stringify(join(repository, 'daemon/cli/compiled.ts'))};
    const app = join(__dirname, 'app.js');
    runCompiled(app, process.argv[2], createRequire(app));`;
  await build({
    stdin: { contents: entry, resolveDir: folder },
    bundle: true,
    platform: 'node',
    outfile: path,
    logLevel: 'error',
  });
  return path;
}

test('what V8 compiled is kept for the next start, and thrown away when it fits no longer', async () => {
  const program = await launcher();
  const app = join(folder, 'app.js');
  const run = (part = 'work', env: Record<string, string> = {}) =>
    execFileSync(process.execPath, [program, part], {
      env: { ...process.env, SLIPWAY_STATE: state, ...env },
      encoding: 'utf8',
    });
  const write = (words: string) =>
    writeFileSync(
      app,
      `#!/usr/bin/env node\nconst { basename } = require('node:path');\nfunction say() { console.log(${words}); }\nsay();\nmodule.exports = 1;\n`,
    );
  write('"first", basename(__filename), new Error().stack.split("\\n")[1].trim()');
  const first = run();
  // The stack names the file, line and column as they are on disk.
  assert.match(first, /^first app\.js at say \(.*app\.js:3:\d+\)\n$/);
  const [file = ''] = readdirSync(kept);
  const made = statSync(join(kept, file));
  assert.equal(run(), first);
  assert.equal(statSync(join(kept, file)).mtimeMs, made.mtimeMs, 'it was used, not made again');
  run('other-part');
  assert.equal(readdirSync(kept).length, 2);

  write('"second version"');
  assert.equal(run(), 'second version\n');
  const whole = readFileSync(join(kept, file));
  const broken = Buffer.from(whole);
  broken.fill(7, 60);
  writeFileSync(join(kept, file), broken);
  assert.equal(run(), 'second version\n');
  writeFileSync(join(kept, file), whole.subarray(0, 10));
  assert.equal(run(), 'second version\n');

  const elsewhere = join(folder, 'elsewhere');
  assert.equal(
    run('work', { SLIPWAY_STATE: elsewhere, NODE_DISABLE_COMPILE_CACHE: '1' }),
    'second version\n',
  );
  assert.equal(existsSync(elsewhere), false);
  const file2 = join(folder, 'no-folder');
  writeFileSync(file2, '');
  chmodSync(file2, 0o400);
  assert.equal(run('work', { SLIPWAY_STATE: file2 }), 'second version\n');
});
