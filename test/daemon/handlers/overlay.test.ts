// Overlays over the protocol, and the command that does the same.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Check, Errors } from 'typebox/value';
import { silentTask } from '../../../daemon/base/task';
import type { AnyHandler, Context } from '../../../daemon/handlers/handler';
import { readOverlays, writeOverlay } from '../../../daemon/handlers/overlay';
import type { Overlay } from '../../../daemon/protocol/overlay';
import { Workspace } from '../../../daemon/workspace/workspace';
import { writeDenseModel } from '../../support/denseModel';
import { temporaryFolder } from '../../support/paths';
import { runCli } from '../../support/runCli';

const folder = temporaryFolder();
const context = { workspace: new Workspace() } as unknown as Context;

async function ask<Result>(handler: AnyHandler, params: object): Promise<Result> {
  assert.ok(Check(handler.type.params, params));
  const result: unknown = await handler.handle(params, silentTask, context);
  assert.deepEqual([...Errors(handler.type.result, result)], []);
  return result as Result;
}

const data = { main: { results: { elsewhere: { value: 3 }, there: { value: 4 } } } };
const file = join(folder, 'node_data.json');
writeFileSync(file, JSON.stringify(data));

test('a file is read against a model and written for another tool', async () => {
  const uri = pathToFileURL(await writeDenseModel(join(folder, 'one.onnx'), 2, 32)).href;
  const read = await ask<{ overlays: Overlay[]; diagnostics: { message: string }[] }>(readOverlays, {
    uri,
    file,
  });
  assert.equal(read.overlays[0]!.entries.length, 2);
  assert.match(read.diagnostics[0]!.message, /No node of this model/);
  const written = join(folder, 'out.attachment.json');
  await ask(writeOverlay, { overlay: read.overlays[0], format: 'netron', file: written });
  assert.equal(
    (JSON.parse(readFileSync(written, 'utf8')) as { signature: string }).signature,
    'netron:attachment',
  );
  // An existing file stays as it is unless the caller says so.
  await assert.rejects(
    ask(writeOverlay, { overlay: read.overlays[0], format: 'csv', file: written }),
    /exists/,
  );
  await ask(writeOverlay, { overlay: read.overlays[0], format: 'csv', file: written, overwrite: true });
  assert.match(readFileSync(written, 'utf8'), /^node,/);
  await assert.rejects(ask(readOverlays, { file: join(folder, 'none.json') }), /does not exist/);
});

test('slipway overlay', async () => {
  const out = join(folder, 'out.csv');
  const done = await runCli('overlay', file, '-o', out, '--format', 'csv', '--json');
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(JSON.parse(done.stdout), {
    format: 'model-explorer',
    overlays: [{ title: 'node_data.json', unit: '', kind: 'sequential', entries: 2 }],
    written: { file: out, entries: 2 },
    diagnostics: [],
  });
  assert.equal(readFileSync(out, 'utf8'), 'node,node_data.json\nelsewhere,3\nthere,4\n');
  const wrong = await runCli('overlay', file, '-o', out, '--format', 'xml');
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /none of model-explorer, netron/);
});
