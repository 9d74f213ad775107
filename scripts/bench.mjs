// Runs benchmarks: `npm run bench -- NAME…`, all of test/bench/*.ts with a `bench` export when no name is given.
// Each prints a table and writes bench-results/NAME.json.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const names = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const available = readdirSync('test/bench')
  .filter(
    (file) =>
      file.endsWith('.ts') &&
      /export (async )?function bench\b/.test(readFileSync(join('test/bench', file), 'utf8')),
  )
  .map((file) => file.slice(0, -3));
const wanted = names.length > 0 ? names : available;
const unknown = wanted.filter((name) => !available.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No benchmark named ${unknown.join(', ')}. There are: ${available.join(', ')}.\n`);
  process.exit(2);
}
const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
await build({
  absWorkingDir: root,
  entryPoints: [...wanted.map((name) => `test/bench/${name}.ts`), 'test/bench/runBench.ts'],
  outdir: 'out/bench',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  logLevel: 'warning',
  mainFields: ['module', 'main'],
  define: { SLIPWAY_VERSION: '"0.0.0-bench"' },
  external: ['vscode', 'onnxruntime-node', 'playwright-core', 'esbuild', 'typescript'],
});
let failed = false;
for (const name of wanted) {
  const runner = join(root, 'out/bench/runBench.js');
  if (!existsSync(runner)) process.exit(1);
  const done = spawnSync(
    process.execPath,
    ['--enable-source-maps', runner, join(root, 'out/bench', `${name}.js`), name],
    {
      stdio: 'inherit',
      env: { ...process.env, SLIPWAY_TEST_DIST: join(root, 'dist'), ORT_DISABLE_TELEMETRY: '1' },
    },
  );
  failed ||= done.status !== 0;
}
process.exit(failed ? 1 : 0);
