// Runs the tests: builds, bundles every *.test.ts, hands them to Node's runner, and closes with one plain
// line "N passed, N failed". Words after the options choose test files by path.
//   node scripts/test.mjs                 everything CI runs
//   node scripts/test.mjs --unit WORD…    only tests outside test/vscode (whose path holds a WORD)
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setupChromium } from './setupVscode.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    unit: { type: 'boolean', default: false },
    vscode: { type: 'boolean', default: false },
    desktop: { type: 'boolean', default: false },
    dist: { type: 'string', default: 'dist' },
    'no-build': { type: 'boolean', default: false },
  },
});
const everything = !values.unit && !values.vscode && !values.desktop && positionals.length === 0;
const totals = { passed: 0, failed: 0, skipped: 0 };

/** Runs a command; resolves to its exit code and all that it wrote. */
const command = (program, args) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = [];
    child.stdout.on('data', (chunk) => said.push(chunk));
    child.stderr.on('data', (chunk) => said.push(chunk));
    const end = (code) => resolve({ code, text: Buffer.concat(said).toString() });
    child.on('error', () => end(127));
    child.on('close', (code) => end(code ?? 1));
  });

/** A whole command that counts as one test. Its text comes in one piece, as others may run beside it. */
async function step(name, program, args) {
  const { code, text } = await command(program, args);
  if (code === 0) totals.passed += 1;
  else totals.failed += 1;
  process.stdout.write(`\n${text}${code === 0 ? `✔ ${name}` : `✖ ${name} (exit ${code})`}\n`);
  return code === 0;
}

/** What is said of the sources without running them. */
async function readSources() {
  await step('types', 'npx', ['tsc', '--build', 'tsconfig.json']);
  await step('lint', 'npx', ['eslint', '.', '--max-warnings', '0']);
  await step('format', 'npx', ['prettier', '--check', '.']);
}

const testFiles = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => path.endsWith('.test.ts'))
    .sort();

async function bundle(files) {
  await build({
    absWorkingDir: root,
    entryPoints: files,
    outbase: '.',
    outdir: 'out/tests',
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    sourcemap: 'inline',
    logLevel: 'warning',
    mainFields: ['module', 'main'],
    define: { SLIPWAY_VERSION: '"0.0.0-test"' },
    external: [
      'vscode',
      'onnxruntime-node',
      'playwright-core',
      'esbuild',
      'typescript',
      '@vscode/test-electron',
    ],
  });
  return files.map((file) => join(root, 'out/tests', file.replace(/\.ts$/, '.js')));
}

/** `minutes` is what one file may take: only there to end what would never end. */
async function runFiles(files, concurrency, minutes = 10) {
  if (files.length === 0) return;
  const bundles = await bundle(files);
  const timeout = minutes * 60_000;
  const stream = run({ files: bundles, concurrency, timeout, execArgv: ['--enable-source-maps'] });
  // Node's runner reports a suite and a file as tests too; only leaves count.
  stream.on('test:pass', (event) => {
    if (event.details?.type === 'suite' || bundles.includes(event.name)) return;
    if (event.skip !== undefined || event.todo !== undefined) totals.skipped += 1;
    else totals.passed += 1;
  });
  stream.on('test:fail', (event) => {
    if (event.details?.type === 'suite') return;
    totals.failed += 1;
  });
  // Read to the end here: a pipe could still hold text when the process ends.
  for await (const text of stream.compose(new spec())) process.stdout.write(text);
}

// ONNX Runtime's Linux build reports to its makers unless told not to.
process.env.ORT_DISABLE_TELEMETRY = '1';
process.env.SLIPWAY_TEST_DIST = join(root, values.dist);
process.env.NODE_OPTIONS = [process.env.NODE_OPTIONS, '--enable-source-maps'].filter(Boolean).join(' ');
if (!values['no-build'] && !(await step('build', 'node', ['scripts/build.mjs', '--out', values.dist]))) {
  process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
  process.exit(1);
}
// Tests often wait for a process or a page: the sources are read meanwhile.
const reading = everything ? readSources() : undefined;
// What tests need is installed once, before several of them could begin to: the browser at once, VS Code meanwhile.
if (everything || values.vscode) setupChromium();
const installing = everything || values.vscode ? command('node', ['scripts/setupVscode.mjs']) : undefined;
const chosen = (files) =>
  positionals.length === 0 ? files : files.filter((file) => positionals.some((word) => file.includes(word)));
const inWindow = (file) => file.startsWith(join('test', 'vscode'));
if (everything || values.unit || positionals.length > 0) {
  await runFiles(
    chosen(testFiles('test').filter((file) => !inWindow(file))),
    Math.max(1, Math.min(4, availableParallelism())),
  );
}
await installing;
if ((everything || values.vscode) && existsSync('test/vscode')) {
  await runFiles(
    chosen(testFiles('test/vscode').filter((file) => relative('test/vscode', file) !== 'desktop.test.ts')),
    1,
    40,
  );
}
await reading;
if (values.desktop) await runFiles(['test/vscode/desktop.test.ts'], 1, 40);

const skipped = totals.skipped ? `, ${totals.skipped} skipped` : '';
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed${skipped}\n`, () =>
  process.exit(totals.failed > 0 || totals.passed === 0 ? 1 : 0),
);
