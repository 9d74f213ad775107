// NumPy arrays of tensors of every element type, held against PyPI's onnx and numpy where Python is there, and read
// back by our own reader everywhere.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { parseNpyHeader } from '../../../daemon/evaluate/npy';
import { floatTensor, graph, model, rawTensor } from '../../../daemon/ir/builder';
import { DataType, dataTypeName, rawByteLength } from '../../../daemon/ir/dataType';
import type { Model } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { readModel } from '../../../daemon/onnx/readModel';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { writeNpy } from '../../../daemon/onnx/writeNpy';
import { exportTensor } from '../../../daemon/recipes/exportTensor';
import { temporaryFolder } from '../../support/paths';
import { askPython, pythonWith } from '../../support/pythonEnvironment';

const folder = temporaryFolder();
const dims = [11, 13, 37];
const elements = 11 * 13 * 37;

/** Bytes that are a value of the type whatever they are. */
function bytesFor(type: number): Uint8Array {
  const bytes = Uint8Array.from({ length: rawByteLength(type, elements)! }, (_, i) => (i * 37 + 11) & 0xff);
  if (type === DataType.BOOL) return bytes.map((byte) => byte & 1);
  return bytes;
}

const numeric = Object.values(DataType).filter(
  (type) => type !== DataType.UNDEFINED && type !== DataType.STRING,
);
const texts: Tensor = {
  ...rawTensor('string', DataType.STRING, [2, 2], new Uint8Array(0)),
  storage: {
    kind: 'strings',
    values: ['a', 'zwölf', '', '🙂!'].map((text) => new TextEncoder().encode(text)),
  },
};

function everyType(): Model {
  return model(
    graph({
      nodes: [],
      initializers: [
        ...numeric.map((type) => rawTensor(dataTypeName(type), type, dims, bytesFor(type))),
        floatTensor('scalar', [], [1.5]),
        floatTensor('vector', [2], [1, -2]),
        floatTensor('empty', [0, 4], []),
        texts,
      ],
    }),
    { opset: 26, irVersion: 13 },
  );
}

/** What numpy reads must equal what PyPI's onnx makes of the tensor; prints the names that differ. */
const compare = `
import json, sys, onnx, numpy as np
from onnx import numpy_helper
given = json.load(sys.stdin)
loaded = onnx.load(given["model"])
out = []
for tensor in loaded.graph.initializer:
    path = given["files"].get(tensor.name)
    if path is None: continue
    try:
        truth = numpy_helper.to_array(tensor)
    except Exception as error:
        out.append([tensor.name, "skipped", str(error)]); continue
    mine = np.load(path, allow_pickle=False)
    if truth.dtype == object:
        same = [t.decode() if isinstance(t, bytes) else t for t in truth.ravel().tolist()] == mine.ravel().tolist()
    elif mine.dtype.kind in "fc":
        same = np.array_equal(truth.astype(mine.dtype), mine, equal_nan=True)
    else:
        same = np.array_equal(truth.astype(mine.dtype), mine)
    out.append([tensor.name, "same" if same and mine.shape == truth.shape else "differs", str(mine.dtype)])
print(json.dumps(out))
`;

test('every element type, in the model and in a data file, as NumPy reads it', async (context) => {
  const environment = pythonWith('text-peers', ['onnx==1.23.2']);
  for (const external of ['embed', 'separate'] as const) {
    const file = join(folder, `${external}.onnx`);
    await writeModel(everyType(), file, { external }, silentTask);
    const read = (await readModel(file, silentTask)).model!;
    const files: Record<string, string> = {};
    for (const { name } of read.graph.initializers) {
      const target = join(folder, `${external}-${name}.npy`);
      const written = await exportTensor(read, { modelFile: file, name }, target, {}, silentTask);
      assert.equal(written.bytes, readFileSync(target).length);
      files[name] = target;
    }
    if ('missing' in environment) {
      context.diagnostic(environment.missing);
      continue;
    }
    const found = askPython(environment.python, compare, { model: file, files }) as string[][];
    assert.deepEqual(
      found.filter(([, how]) => how === 'differs'),
      [],
    );
    const skipped = found.filter(([, how]) => how === 'skipped').map(([name]) => name);
    context.diagnostic(`${external}: ${found.length} tensors, not read by onnx: ${skipped.join(', ')}`);
    assert.ok(found.length - skipped.length >= 24);
  }
});

test('the header is what numpy.save writes', async () => {
  const file = join(folder, 'header.npy');
  const written = await writeNpy(floatTensor('w', [2, 3], [1, 2, 3, 4, 5, 6]), file, {}, silentTask);
  assert.deepEqual(written, { file, bytes: 128 + 24, dtype: '<f4' });
  const bytes = readFileSync(file);
  assert.equal(
    bytes.toString('latin1', 10, 128).trimEnd(),
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
  );
  const header = parseNpyHeader(bytes.subarray(0, 128), 'header.npy');
  assert.deepEqual([header.type, header.dims, header.dataOffset], ['float32', [2, 3], 128]);
  assert.deepEqual(
    new Float32Array(Uint8Array.from(bytes.subarray(128)).buffer),
    Float32Array.of(1, 2, 3, 4, 5, 6),
  );
});

test('what NumPy does not have is widened and says so', async () => {
  const of = (type: number) =>
    writeNpy(
      rawTensor('w', type, dims, bytesFor(type)),
      join(folder, 'wide.npy'),
      { overwrite: true },
      silentTask,
    );
  assert.deepEqual(
    [(await of(DataType.BFLOAT16)).dtype, (await of(DataType.BFLOAT16)).widened],
    ['<f4', 'bfloat16'],
  );
  assert.deepEqual([(await of(DataType.INT4)).dtype, (await of(DataType.INT4)).widened], ['|i1', 'int4']);
  assert.equal((await of(DataType.INT8)).widened, undefined);
});

test('what cannot be written is refused with a sentence, and nothing is left behind', async () => {
  const refused = async (tensor: Tensor, why: RegExp, file = join(folder, 'refused.npy')) => {
    await assert.rejects(writeNpy(tensor, file, {}, silentTask), why);
    assert.ok(!existsSync(join(folder, 'refused.npy')));
  };
  await refused(rawTensor('w', 99, [1], new Uint8Array(4)), /type 99 cannot be written as a NumPy array/);
  await refused(floatTensor('w', Array<number>(70).fill(1), [1]), /70 dimensions.*at most 64/);
  await refused(
    rawTensor('w', DataType.FLOAT, [1000], new Uint8Array(8)),
    /holds 8 bytes, but its shape needs more/,
  );
  const encode = (text: string) => new TextEncoder().encode(text);
  const textTensor = (...values: string[]): Tensor => ({
    ...texts,
    dims: [values.length],
    storage: { kind: 'strings', values: values.map(encode) },
  });
  await refused(textTensor('a', 'b\0'), /Text 1 .* ends in a zero character/);
  await refused(textTensor('x'.repeat(2 ** 20), ...Array<string>(300).fill('')), /room of the longest/);
  writeFileSync(join(folder, 'there.npy'), 'mine');
  await refused(floatTensor('w', [1], [1]), /already exists/, join(folder, 'there.npy'));
  assert.equal(readFileSync(join(folder, 'there.npy'), 'utf8'), 'mine');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('a file that the model is read from is never written over', async () => {
  const file = join(folder, 'kept.onnx');
  await writeModel(everyType(), file, { external: 'separate' }, silentTask);
  const read = (await readModel(file, silentTask)).model!;
  const data = readdirSync(folder).find((name) => name.startsWith('kept') && name !== 'kept.onnx')!;
  for (const target of [file, join(folder, data)])
    assert.throws(
      () => exportTensor(read, { modelFile: file, name: 'vector' }, target, { overwrite: true }, silentTask),
      /is a file that this model is read from/,
    );
});
