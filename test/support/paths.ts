// Where things are during a test: the checkout, the built scripts, the shared models beside the checkout.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** The checkout; tests are run from there. */
export const repository = process.cwd();

/** The folder of built scripts under test. */
export const distFolder = process.env['SLIPWAY_TEST_DIST'] ?? join(repository, 'dist');

/** The folder of trained models and conformance suites, or undefined where it is absent. */
export function sharedFolder(): string | undefined {
  const path = join(repository, '..', 'shared');
  return existsSync(join(path, 'models')) ? path : undefined;
}

/** A fresh folder that is removed when the test file ends. */
export function temporaryFolder(name = 'slipway-test-'): string {
  const path = mkdtempSync(join(tmpdir(), name));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
