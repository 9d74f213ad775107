// What the reader says of files that are broken, foreign or hostile, and how much of them it still gives.

import assert from 'node:assert/strict';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { SlipwayError } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { encodeModel } from '../../../daemon/onnx/encodeModel';
import { decodeModel, decodeTensor, readModel } from '../../../daemon/onnx/readModel';
import { readFloats } from '../../../daemon/onnx/tensorData';
import { temporaryFolder } from '../../support/paths';
import { bytesField, joined, varint, varintField } from '../../support/wire';

const folder = temporaryFolder();
const text = (value: string) => new TextEncoder().encode(value);

const small = () =>
  model(
    graph({
      nodes: [node('Relu', ['x'], ['y'], { name: 'first' }), node('Relu', ['y'], ['z'], { name: 'second' })],
      inputs: [valueInfo('x', DataType.FLOAT, [2])],
      outputs: [valueInfo('z', DataType.FLOAT, [2])],
      initializers: [floatTensor('w', [2], [1, 2])],
    }),
  );

/** Ids of the diagnostics of some bytes, and the model. */
async function read(bytes: Uint8Array) {
  const { model: found, diagnostics } = await decodeModel(bytes);
  return { found, ids: diagnostics.map((one) => one.id), diagnostics };
}

const inGraph = (...fields: Uint8Array[]) => joined(varintField(1, 8), bytesField(7, joined(...fields)));
const aNode = bytesField(1, joined(bytesField(2, text('y')), bytesField(4, text('Relu'))));

test('a missing file and a folder throw a sentence', async () => {
  await assert.rejects(readModel(join(folder, 'none.onnx'), silentTask), (error: SlipwayError) => {
    return error.kind === 'notFound' && error.message.includes('none.onnx');
  });
  mkdirSync(join(folder, 'folder.onnx'));
  await assert.rejects(readModel(join(folder, 'folder.onnx'), silentTask), (error: SlipwayError) => {
    return error.kind === 'fileSystem' && error.message.includes('folder');
  });
});

test('an empty file', async () => {
  const path = join(folder, 'empty.onnx');
  writeFileSync(path, '');
  const { model: found, diagnostics, fileBytes } = await readModel(path, silentTask);
  assert.equal(found, undefined);
  assert.equal(fileBytes, 0);
  assert.deepEqual(
    diagnostics.map((one) => one.id),
    ['onnx/empty'],
  );
});

test('a foreign file is named for what it is', async () => {
  const safetensors = joined(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0), text('{"a":{}}xxxxxxxx'));
  const files: [RegExp, Uint8Array][] = [
    [/Git LFS pointer/, text('version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 12\n')],
    [/ZIP/, joined(text('PK\x03\x04'), new Uint8Array(60).fill(7))],
    [/HDF5/, joined(Uint8Array.of(0x89), text('HDF\r\n\x1a\n'), new Uint8Array(60))],
    [/pickle/, joined(Uint8Array.of(0x80, 2), text('}q\0.'))],
    [/TensorFlow Lite/, joined(Uint8Array.of(0x1c, 0, 0, 0), text('TFL3'), new Uint8Array(60))],
    [/\.ort format/, joined(Uint8Array.of(0x1c, 0, 0, 0), text('ORTM'), new Uint8Array(60))],
    [/safetensors/, safetensors],
    [/gzip/, gzipSync('some text')],
    [/web page/, text('<!DOCTYPE html><html><body>404</body></html>')],
    [/JSON/, text('{"irVersion": 8, "graph": {}}')],
    [/text forms/, text('ir_version: 8\ngraph {\n}\n')],
    [/text file/, text('not a model\n')],
    [/NumPy/, joined(Uint8Array.of(0x93), text('NUMPY'), new Uint8Array(60))],
    [/GGUF/, joined(text('GGUF'), new Uint8Array(60))],
  ];
  for (const [expected, bytes] of files) {
    const { found, diagnostics } = await read(bytes);
    assert.equal(found, undefined, String(expected));
    assert.deepEqual(
      diagnostics.map((one) => one.id),
      ['onnx/not-onnx'],
      String(expected),
    );
    assert.match(diagnostics[0]!.message, expected);
  }
});

test('random bytes are no model, with one sentence', async () => {
  const bytes = Uint8Array.from({ length: 4096 }, (_, index) => (index * 2654435761) >>> 13);
  const { found, ids } = await read(bytes);
  assert.equal(found, undefined);
  assert.deepEqual(ids, ['onnx/not-onnx']);
});

test('a model without a graph', async () => {
  const { found, ids } = await read(joined(varintField(1, 8), bytesField(2, text('maker'))));
  assert.equal(found?.producerName, 'maker');
  assert.deepEqual(ids, ['onnx/no-graph']);
});

test('a truncated file gives what was there, and the place where it ends', async () => {
  const bytes = await encodeModel(small());
  // The second node begins with its inputs; cut in its name.
  const at = Buffer.from(bytes).indexOf('second') + 3;
  const { found, diagnostics } = await read(bytes.subarray(0, at));
  assert.deepEqual(
    diagnostics.map((one) => one.id),
    ['onnx/truncated'],
  );
  assert.equal(typeof diagnostics[0]?.where?.byteOffset, 'number');
  assert.deepEqual(
    found?.graph.nodes.map((one) => [one.opType, one.name]),
    [
      ['Relu', 'first'],
      ['', ''],
    ],
  );
});

test('a field of a wrong wire type is kept and reported', async () => {
  const bytes = inGraph(aNode, varintField(2, 5));
  const { found, ids } = await read(bytes);
  assert.deepEqual(ids, ['onnx/wire-type']);
  assert.deepEqual(found?.graph.unknown, varintField(2, 5));
});

test('a length beyond the message around it ends that message only', async () => {
  const broken = bytesField(1, joined(bytesField(3, text('broken')), Uint8Array.of(0x22), varint(1000)));
  const { found, ids } = await read(inGraph(broken, aNode));
  assert.deepEqual(ids, ['onnx/length']);
  assert.deepEqual(
    found?.graph.nodes.map((one) => one.name),
    ['broken', ''],
  );
  assert.equal(found.graph.nodes[1]?.opType, 'Relu');
});

test('a number of eleven bytes, field 0 and an end without a group are malformed', async () => {
  const eleven = joined(Uint8Array.of(0x78), new Uint8Array(10).fill(0x80), Uint8Array.of(1));
  for (const bad of [eleven, Uint8Array.of(0x00, 0x01), Uint8Array.of(0x0c), Uint8Array.of(0x0f, 1)]) {
    const { found, ids } = await read(inGraph(aNode, bytesField(1, bad), aNode));
    assert.deepEqual(ids, ['onnx/malformed']);
    assert.equal(found?.graph.nodes.length, 3);
  }
});

test('names that are not UTF-8', async () => {
  const bad = bytesField(1, bytesField(3, Uint8Array.of(0x61, 0xff, 0x62)));
  const { found, ids } = await read(inGraph(bad));
  assert.deepEqual(ids, ['onnx/not-utf8']);
  assert.equal(found?.graph.nodes[0]?.name, 'a\ufffdb');
});

test('dimensions that are no sizes', async () => {
  const negative = bytesField(5, joined(varintField(1, -3n), varintField(2, 1), bytesField(8, text('w'))));
  const huge = bytesField(5, joined(varintField(1, 2n ** 60n), varintField(2, 1)));
  const { found, ids } = await read(inGraph(negative, huge));
  assert.deepEqual(ids, ['onnx/dims', 'onnx/dims']);
  assert.deepEqual(
    found?.graph.initializers.map((one) => one.dims),
    [[-3], [2 ** 60]],
  );
});

test('a payload that does not fit its shape', async () => {
  const tensor = bytesField(
    5,
    joined(varintField(1, 3), varintField(2, 1), bytesField(8, text('w')), bytesField(9, new Uint8Array(8))),
  );
  const { diagnostics } = await read(inGraph(tensor));
  assert.deepEqual(
    diagnostics.map((one) => one.id),
    ['onnx/payload-length'],
  );
  assert.equal(diagnostics[0]?.where?.value, 'w');
  assert.match(diagnostics[0].message, /needs 12 bytes, but 8 are there/);
});

test('attributes without a type (IR versions 1 and 2) get the type of their value', async () => {
  const attributes = [
    bytesField(5, joined(bytesField(1, text('i')), varintField(3, 7))),
    bytesField(5, joined(bytesField(1, text('ints')), varintField(8, 1), varintField(8, 2))),
    bytesField(5, joined(bytesField(1, text('s')), bytesField(4, text('NCHW')))),
    bytesField(5, joined(bytesField(1, text('empty')))),
  ];
  const { found, ids } = await read(inGraph(bytesField(1, joined(...attributes))));
  assert.deepEqual(ids, []);
  assert.deepEqual(
    found?.graph.nodes[0]?.attributes.map((one) => [one.type, 'value' in one ? one.value : undefined]),
    [
      ['INT', 7n],
      ['INTS', [1n, 2n]],
      ['STRING', text('NCHW')],
      ['UNDEFINED', undefined],
    ],
  );
});

test('an attribute with values of two types keeps the second unread; one of an unknown type keeps all', async () => {
  const two = bytesField(
    5,
    joined(bytesField(1, text('a')), varintField(3, 7), bytesField(4, text('s')), varintField(20, 3)),
  );
  const strange = bytesField(5, joined(bytesField(1, text('b')), varintField(3, 7), varintField(20, 99)));
  const bytes = inGraph(bytesField(1, joined(two, strange)));
  const { found, ids } = await read(bytes);
  assert.deepEqual(ids, ['onnx/attribute-values', 'onnx/attribute-values']);
  const [first, second] = found!.graph.nodes[0]!.attributes;
  assert.equal(first?.type, 'STRING');
  assert.deepEqual(first.unknown, varintField(3, 7));
  assert.equal(second?.type, 'UNDEFINED');
  assert.deepEqual(second.unknown, joined(varintField(3, 7), varintField(20, 99)));
});

test('packed and unpacked repeated numbers are read alike', async () => {
  const floats = new Uint8Array(new Float32Array([1, 2]).buffer);
  const packed = joined(
    bytesField(1, joined(varint(2), varint(1))),
    varintField(2, 1),
    bytesField(4, floats),
  );
  const unpacked = joined(
    varintField(1, 2),
    varintField(1, 1),
    Uint8Array.of(0x25),
    floats.subarray(0, 4),
    // Something in between, so that the values are not one stretch.
    bytesField(8, text('w')),
    varintField(2, 1),
    Uint8Array.of(0x25),
    floats.subarray(4),
  );
  for (const bytes of [packed, unpacked]) {
    const { tensor, diagnostics } = await decodeTensor(bytes);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(tensor.dims, [2, 1]);
    assert.deepEqual(await readFloats(tensor), Float32Array.of(1, 2));
  }
});

test('a graph field that comes twice is one graph, as protobuf merges it', async () => {
  const { found, ids } = await read(joined(inGraph(aNode), inGraph(aNode)));
  assert.deepEqual(ids, []);
  assert.equal(found?.graph.nodes.length, 2);
});

test('a lying length takes no memory, and many empty messages are stopped', async () => {
  // 4 MB of two-byte nodes would become a gigabyte of objects.
  const hollow = new Uint8Array(4 << 20);
  for (let index = 0; index < hollow.length; index += 2) hollow[index] = 0x0a;
  const { ids } = await read(inGraph(hollow));
  assert.deepEqual(ids, ['onnx/too-large']);
  const lying = joined(varintField(1, 8), Uint8Array.of(0x3a), varint(2 ** 50), aNode);
  const result = await read(lying);
  assert.deepEqual(result.ids, ['onnx/truncated']);
  assert.equal(result.found?.graph.nodes.length, 1);
});

test('a model of more than 4 GB is read by offset, and cut in the middle it says so', async () => {
  const path = join(folder, 'huge.onnx');
  const length = 5 * 2 ** 30;
  const tensorHead = joined(
    varintField(1, length / 4),
    varintField(2, 1),
    bytesField(8, text('big')),
    Uint8Array.of(0x4a),
    varint(length),
  );
  const last = bytesField(
    5,
    joined(
      varintField(1, 1),
      varintField(2, 1),
      bytesField(8, text('last')),
      bytesField(9, Uint8Array.of(0, 0, 128, 63)),
    ),
  );
  const graphLength =
    aNode.length + 1 + varint(tensorHead.length + length).length + tensorHead.length + length + last.length;
  const head = joined(
    varintField(1, 8),
    Uint8Array.of(0x3a),
    varint(graphLength),
    aNode,
    Uint8Array.of(0x2a),
    varint(tensorHead.length + length),
    tensorHead,
  );
  writeFileSync(path, head);
  truncateSync(path, head.length + length);
  writeFileSync(path, last, { flag: 'a' });
  const { model: found, diagnostics, fileBytes } = await readModel(path, silentTask);
  assert.equal(fileBytes, head.length + length + last.length);
  assert.deepEqual(diagnostics, []);
  const [big, small] = found!.graph.initializers;
  assert.ok(big?.storage.kind === 'raw' && big.storage.bytes.in === 'file');
  assert.equal(big.storage.bytes.offset, head.length);
  assert.equal(big.storage.bytes.length, length);
  assert.deepEqual(await readFloats(big, { start: length / 4 - 2, count: 2 }), Float32Array.of(0, 0));
  assert.deepEqual(await readFloats(small!), Float32Array.of(1));

  truncateSync(path, 3 * 2 ** 30);
  const cut = await readModel(path, silentTask);
  assert.deepEqual(
    cut.diagnostics.map((one) => one.id),
    ['onnx/truncated'],
  );
  assert.equal(cut.model?.graph.nodes.length, 1);
  assert.equal(cut.model.graph.initializers[0]?.storage.kind, 'none');
});

test('reading can be cancelled', async () => {
  const path = join(folder, 'cancel.onnx');
  writeFileSync(path, await encodeModel(small()));
  await assert.rejects(
    readModel(path, { signal: AbortSignal.abort(), report: () => undefined }),
    (error: SlipwayError) => error.kind === 'cancelled',
  );
});
