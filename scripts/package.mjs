// Packs the VSIX for this platform: our bundles and ONNX Runtime's library for this platform alone, allow-listed
// in .vscodeignore. Prints the file and its size.
import { createVSIX, listFiles } from '@vscode/vsce';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { out: { type: 'string' }, 'no-build': { type: 'boolean', default: false } },
});
const target = `${process.platform}-${process.arch}`;
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const output = values.out ?? join(root, `slipway-${target}-${version}.vsix`);

if (!values['no-build']) {
  const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
}

const staged = join(root, 'dist', 'node_modules');
await rm(staged, { recursive: true, force: true });
try {
  await stageRuntime();
  const files = await listFiles({ cwd: root, dependencies: false });
  const foreign = files.filter(
    (file) => /napi-v\d+\//.test(file) && !file.includes(`/${process.platform}/${process.arch}/`),
  );
  if (foreign.length > 0)
    throw new Error(`Other platforms' libraries would be packed: ${foreign.join(', ')}`);
  await createVSIX({
    cwd: root,
    packagePath: output,
    target,
    dependencies: false,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
    skipLicense: false,
  });
  const { size } = await stat(output);
  process.stdout.write(
    `${relative(root, output)}: ${(size / 1e6).toFixed(1)} MB, ${files.length} files, ${target}\n`,
  );
} finally {
  await rm(staged, { recursive: true, force: true });
}

/** Copies what onnxruntime-node needs at run time: its JavaScript, this platform's library, and the licences. */
async function stageRuntime() {
  const from = join(root, 'node_modules');
  const platform = join('bin', 'napi-v6', process.platform, process.arch);
  const names = await readdir(join(from, 'onnxruntime-node', platform)).catch(() => []);
  if (names.length === 0) throw new Error(`onnxruntime-node has no library for ${target}.`);
  const keep = [
    ['onnxruntime-node', 'package.json'],
    ['onnxruntime-node', 'README.md'],
    ['onnxruntime-node', 'dist'],
    ['onnxruntime-node', platform],
    ['onnxruntime-common', 'package.json'],
    ['onnxruntime-common', 'README.md'],
    ['onnxruntime-common', join('dist', 'cjs')],
  ];
  for (const [name, path] of keep) {
    await mkdir(join(staged, name), { recursive: true });
    await cp(join(from, name, path), join(staged, name, path), {
      recursive: true,
      filter: (file) => !/\.(map|d\.ts)$/.test(file),
    });
  }
}
