// Everything the format has survives reading and writing.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { graph, model, node } from '../../../daemon/ir/builder';
import type { Model } from '../../../daemon/ir/model';
import { decodeModel, readModel } from '../../../daemon/onnx/readModel';
import { encodeModel } from '../../../daemon/onnx/encodeModel';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { everyFeature, nestedBodies } from '../../support/everyFeature';
import { temporaryFolder } from '../../support/paths';
import { modelDifference } from '../../support/sameModel';

const folder = temporaryFolder();

async function check(built: Model, diagnostics: string[] = []): Promise<void> {
  const bytes = await encodeModel(built);
  const decoded = await decodeModel(bytes);
  assert.deepEqual([...new Set(decoded.diagnostics.map((one) => one.id))], diagnostics);
  assert.ok(decoded.model);
  assert.equal(await modelDifference(built, decoded.model), undefined);
  // Writing what was read gives the same bytes.
  assert.ok(Buffer.from(await encodeModel(decoded.model)).equals(bytes));

  for (const external of ['embed', 'separate'] as const) {
    const path = join(folder, `${external}.onnx`);
    const written = await writeModel(built, path, { overwrite: true, external }, silentTask);
    const read = await readModel(path, silentTask);
    assert.deepEqual([...new Set(read.diagnostics.map((one) => one.id))], diagnostics);
    assert.ok(read.model);
    assert.equal(await modelDifference(built, read.model), undefined);
    assert.equal(written.fileBytes, read.fileBytes + read.externalBytes);
    if (external === 'embed') assert.ok(readFileSync(path).equals(bytes));
    else assert.equal(written.files.length, read.externalBytes > 0 ? 2 : 1);
  }
}

test('a model with every message and field comes back', () => check(everyFeature()));

test('unknown fields in every message are kept byte for byte', () =>
  check(everyFeature({ strange: true }), ['onnx/unknown-fields']));

test('an empty model comes back', () => check(model(graph({ nodes: [] }))));

test('long names of equal length, each at its maker and its reader, come back', () => {
  const long = (i: number) => `${'ä'.repeat(3000)}${String.fromCharCode(97 + i)}`;
  const nodes = Array.from({ length: 12 }, (_, i) =>
    node('Relu', [long(i)], [long(i + 1)], { name: long(i) }),
  );
  return check(model(graph({ nodes })));
});

test('bodies nested 400 deep come back', () => {
  const branch = node('If', ['c'], ['y'], {
    name: 'outermost',
    attributes: { then_branch: nestedBodies(400) },
  });
  return check(model(graph({ nodes: [branch] })));
});

test('bodies nested deeper than the limit give a diagnostic, not a stack overflow', async () => {
  const branch = node('If', ['c'], ['y'], { attributes: { then_branch: nestedBodies(20_000) } });
  const bytes = await encodeModel(model(graph({ nodes: [branch] })));
  const { model: read, diagnostics } = await decodeModel(bytes);
  assert.ok(read);
  assert.deepEqual(
    diagnostics.map((one) => one.id),
    ['onnx/too-deep'],
  );
});

test('types nested too deeply are kept as bytes, with a diagnostic', async () => {
  const built = model(graph({ nodes: [] }));
  let type = everyFeature().graph.inputs[0]!.type!;
  for (let level = 0; level < 150; level += 1) type = { kind: 'sequence', elem: type };
  built.graph.inputs.push({ name: 'x', type, docString: '', metadataProps: [] });
  const bytes = await encodeModel(built);
  const { model: read, diagnostics } = await decodeModel(bytes);
  assert.deepEqual(
    diagnostics.map((one) => one.id),
    ['onnx/too-deep'],
  );
  assert.ok(Buffer.from(await encodeModel(read!)).equals(bytes));
});
