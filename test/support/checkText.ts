// Golden texts: what came out, line by line, against what is expected, with the indentation of the test removed.

import assert from 'node:assert/strict';

/** Compares lines; the expected text may be indented as the test around it. */
export function checkText(actual: readonly string[], expected: string): void {
  const lines = expected
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  assert.deepEqual([...actual], lines);
}
