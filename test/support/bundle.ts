// Bundles a few lines of TypeScript into a script that a test can run as a process of its own.

import { build } from 'esbuild';

/** Writes the bundle to `outfile` (.cjs). Imports in `contents` are relative to the checkout. */
export async function bundleScript(contents: string, outfile: string): Promise<void> {
  await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    outfile,
    logLevel: 'warning',
    external: ['onnxruntime-node'],
  });
}
