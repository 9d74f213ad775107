// What the build makes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { distFolder } from './support/paths';

// V8 keeps a script that has one character beyond Latin-1 with two bytes for each: megabytes in a process that stays.
test('the scripts of processes that stay are kept with a byte for each character', () => {
  for (const name of ['slipwayDaemon.js', 'runner.js', 'server.js']) {
    const wide = /.{0,40}[\u0100-\uffff].{0,40}/.exec(readFileSync(join(distFolder, name), 'utf8'))?.[0];
    assert.equal(wide, undefined, `${name}: write the character as an escape, in a regular expression too`);
  }
});
