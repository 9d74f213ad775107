// docs/protocol.md and docs/protocol.schema.json say what the declarations say. UPDATE_GOLDEN=1 rewrites them.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { ErrorCode, errorDescriptions } from '../../../daemon/protocol/errors';
import { encodeFrame } from '../../../daemon/protocol/frames';
import { graphColumns } from '../../../daemon/protocol/graph';
import { protocolVersion, subprotocol } from '../../../daemon/protocol/handshake';
import { notifications, requests } from '../../../daemon/protocol/messages';
import { errorTable, reference, schemas, undescribed } from '../../support/protocolReference';
import { repository } from '../../support/paths';

const documentPath = join(repository, 'docs', 'protocol.md');
const schemaPath = join(repository, 'docs', 'protocol.schema.json');
const update = process.env['UPDATE_GOLDEN'] === '1';

/** The frame that the document shows byte by byte. */
function exampleFrame(): string {
  const columns = encodeColumns({ name: ['a', 'bc'], kind: Uint8Array.of(0, 1) });
  const bytes = Buffer.from(encodeFrame(7, columns));
  const lines = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => {
    const row = bytes.subarray(i * 16, i * 16 + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = [...row]
      .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·'))
      .join('');
    return `${(i * 16).toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`;
  });
  return ['```', ...lines, '```'].join('\n');
}

const generated: Readonly<Record<string, () => string>> = {
  errors: errorTable,
  'example frame': exampleFrame,
  reference,
};

function withGenerated(document: string): string {
  return Object.entries(generated).reduce((text, [name, make]) => {
    const begin = `<!-- generated: ${name} -->`;
    const end = `<!-- end: ${name} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    assert.ok(from >= 0 && to > from, `docs/protocol.md has the markers of "${name}"`);
    return `${text.slice(0, from + begin.length)}\n\n${make()}\n\n${text.slice(to)}`;
  }, document);
}

test('the document holds what the declarations say', () => {
  const document = readFileSync(documentPath, 'utf8');
  if (update) writeFileSync(documentPath, withGenerated(document));
  else
    assert.equal(
      document,
      withGenerated(document),
      'run the test with UPDATE_GOLDEN=1 and read the difference',
    );
});

test('the schema file holds the declared schemas', () => {
  if (update) writeFileSync(schemaPath, schemas());
  else assert.equal(readFileSync(schemaPath, 'utf8'), schemas(), 'run the test with UPDATE_GOLDEN=1');
});

test('every field has a description, and every request a sentence', () => {
  assert.deepEqual(undescribed(), []);
  for (const { method, description } of [...requests, ...notifications]) {
    assert.match(description, /^[A-Z].*\.$/s, method);
  }
});

test('every error code has a line, every number once', () => {
  assert.deepEqual(Object.keys(errorDescriptions).sort(), Object.keys(ErrorCode).sort());
  assert.equal(new Set(Object.values(ErrorCode)).size, Object.keys(ErrorCode).length);
});

test('the hand-written part names what it must', () => {
  const document = readFileSync(documentPath, 'utf8');
  const prose = document.slice(0, document.indexOf('<!-- generated: reference -->'));
  for (const name of [
    subprotocol,
    'SLIPWAY_STATE',
    'Content-Length',
    '$/progress',
    '$/cancelRequest',
    ...graphColumns,
  ]) {
    assert.ok(prose.includes(name), `it says what ${name} is`);
  }
  assert.ok(prose.includes(`protocol version is **${protocolVersion}**`));
});
