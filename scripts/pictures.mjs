// Takes the pictures of the README and of the walkthrough anew, in a real window over the example model: docs/images.
// Leave the machine alone meanwhile: what the pictures show is measured. With `viewer`: those of docs/viewer.md, which are
// pages over the shared models and measure nothing.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const run = (file, env = {}) =>
  spawnSync(process.execPath, [file], { stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;

const script = process.argv[2] === 'viewer' ? 'takeViewerPictures' : 'takePictures';
const built = run('scripts/build.mjs');
if (built !== 0) process.exit(built);
await build({
  entryPoints: [`test/support/${script}.ts`],
  outfile: `out/${script}.js`,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  sourcemap: 'inline',
  logLevel: 'warning',
  external: ['playwright-core'],
});
process.exit(run(`out/${script}.js`, { SLIPWAY_TEST_DIST: join(root, 'dist') }));
