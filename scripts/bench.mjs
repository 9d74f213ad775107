// Runs benchmarks: `npm run bench -- NAME…`, all of test/bench/*.ts with a `bench` export when no name is given.
// Each prints a table and writes bench-results/NAME.json. NAME/PART runs one part of a benchmark that has parts.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
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
const unknown = wanted.filter((word) => !available.includes(word.split('/')[0]));
if (unknown.length > 0) {
  process.stderr.write(`No benchmark named ${unknown.join(', ')}. There are: ${available.join(', ')}.\n`);
  process.exit(2);
}
const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
let failed = false;
for (const word of wanted) {
  const [name, part = ''] = word.split('/');
  const outfile = join(root, 'out/bench', `${name}.js`);
  // One bundle for the benchmark and its frame, so that both see the same modules.
  await build({
    absWorkingDir: root,
    stdin: {
      contents: `import { bench } from './${name}';\nimport { runBench } from './runBench';\nvoid runBench('${name}', bench);\n`,
      resolveDir: join(root, 'test/bench'),
      loader: 'ts',
    },
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    logLevel: 'warning',
    mainFields: ['module', 'main'],
    define: { SLIPWAY_VERSION: '"0.0.0-bench"' },
    external: ['vscode', 'onnxruntime-node', 'playwright-core', 'esbuild', 'typescript'],
  });
  const done = spawnSync(process.execPath, [outfile], {
    stdio: 'inherit',
    env: {
      ...process.env,
      SLIPWAY_TEST_DIST: join(root, 'dist'),
      SLIPWAY_BENCH_PART: part,
      ORT_DISABLE_TELEMETRY: '1',
    },
  });
  failed ||= done.status !== 0;
}
process.exit(failed ? 1 : 0);
