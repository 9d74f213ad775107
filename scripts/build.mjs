// Builds every bundle into dist/ (or --out FOLDER). One esbuild call each for Node and for the page.
import { build, context } from 'esbuild';
import { existsSync } from 'node:fs';
import { mkdir, readFile, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: { out: { type: 'string', default: 'dist' }, watch: { type: 'boolean', default: false } },
});
const out = join(root, values.out);
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const present = (entries) =>
  Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(join(root, path))));

/** Commands run without what only the daemon needs: its server is a bundle of its own, chosen by cli/launch.ts. */
const withoutServer = {
  name: 'without server',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/server\/daemon$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './slipwayDaemon.js', external: true } : undefined,
    ),
};

/**
 * ONNX Runtime's JavaScript comes into the bundles, where it is read and compiled with the rest; its library stays in
 * the package, which is found from where the bundle lies.
 */
const runtimeLibrary = {
  name: 'runtime library',
  setup: ({ onLoad }) =>
    onLoad({ filter: /onnxruntime-node[\\/]dist[\\/]binding\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replaceAll('`../bin/', '`onnxruntime-node/bin/');
      if (contents === source) throw new Error(`${path} loads its library in another way than it did.`);
      return { contents };
    }),
};

const node = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  outdir: out,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  define: { SLIPWAY_VERSION: JSON.stringify(version) },
  mainFields: ['module', 'main'],
  external: ['vscode', '*.node'],
  plugins: [runtimeLibrary],
  // A command is loaded from kept machine code (cli/compiled.ts), where import() has no loader: require serves all.
  supported: { 'dynamic-import': false },
  entryPoints: present({
    extension: 'extension/main.ts',
    slipway: 'daemon/cli/launch.ts',
    slipwayDaemon: 'daemon/cli/main.ts',
    runner: 'daemon/runtime/runner/runner.ts',
    server: 'daemon/serve/main.ts',
    pictureWorker: 'daemon/evaluate/data/pictureWorker.ts',
  }),
  // The picture decoders' WebAssembly lies inside the script; they never look for it beside them.
  loader: { '.wasm': 'binary' },
  logOverride: { 'empty-import-meta': 'silent' },
  banner: { js: '' },
  // Shorter to read at each start; names stay as they are, for stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
};
const commands = {
  ...node,
  entryPoints: present({ slipwayCommands: 'daemon/cli/main.ts' }),
  plugins: [runtimeLibrary, withoutServer],
};
const page = {
  absWorkingDir: root,
  bundle: true,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  outdir: join(out, 'webview'),
  minify: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  loader: { '.ttf': 'file' },
  assetNames: '[name]',
  entryPoints: present({
    editor: 'webview/editor.ts',
    results: 'webview/results.ts',
    job: 'webview/job.ts',
    history: 'webview/history.ts',
    layoutWorker: 'webview/graph/layoutWorker.ts',
    style: 'webview/ui/style.css',
  }),
};

await mkdir(out, { recursive: true });
if (values.watch) {
  for (const options of [node, commands, page]) await (await context(options)).watch();
} else {
  await Promise.all(
    [node, commands, page].map((options) =>
      Object.keys(options.entryPoints).length ? build(options) : null,
    ),
  );
  const cli = join(out, 'slipway.js');
  if (existsSync(cli)) await chmod(cli, 0o755);
}
