// What comes out is what the model computes: JSON and bytes against a run without a server, every datatype,
// no value changed on the way.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { silentTask } from '../../../daemon/base/task';
import { DataType } from '../../../daemon/ir/dataType';
import { withRunner } from '../../../daemon/runtime/runner/runnerProcess';
import { temporaryFolder } from '../../support/paths';
import {
  binaryBody,
  bytesOf,
  digitsModel,
  echoModel,
  infer,
  pairModel,
  splitBinary,
  startServer,
  wireTypes,
  type TestServer,
  type WireResponse,
  type WireTensor,
} from './testServer';

const folder = temporaryFolder();
let server: TestServer;
let digits: string;

const pictures = Float32Array.from({ length: 3 * 64 }, (_, i) => Math.abs(Math.sin(i * 1.7)) * 16);
const image = (parameters: object): object => ({
  name: 'image',
  datatype: 'FP32',
  shape: [3, 1, 8, 8],
  ...parameters,
});
const flat = image({ data: [...pictures] });

/** The logits of the pictures, run directly in a runner process. */
async function direct(): Promise<Float32Array> {
  return withRunner(silentTask, async (runner) => {
    const session = await runner.load(digits, { threads: 1 }, silentTask);
    const value = { type: 'float32', dims: [3, 1, 8, 8], data: pictures } as const;
    const { logits } = await session.run({ image: value }, silentTask);
    assert.equal(logits?.type, 'float32');
    return logits.data;
  });
}

before(async () => {
  digits = await digitsModel(folder);
  const echoes = await Promise.all(
    wireTypes.map(async ([name, type]) => `${name}=${await echoModel(folder, name, type, ['n'])}`),
  );
  server = await startServer([
    '--threads=1',
    `digits=${digits}`,
    `pair=${await pairModel(folder)}`,
    `line=${await echoModel(folder, 'line', DataType.FLOAT, ['n', 2])}`,
    `plane=${await echoModel(folder, 'plane', DataType.FLOAT, ['n', 'w'])}`,
    `one=${await echoModel(folder, 'one', DataType.FLOAT, [])}`,
    ...echoes,
  ]);
});

const firstOutput = (response: WireResponse): WireTensor => {
  assert.equal(response.outputs.length, 1);
  return response.outputs[0]!;
};

describe('digits', () => {
  test('JSON, flat and nested, equals a direct run', async () => {
    const expected = [...(await direct())];
    const rows = Array.from({ length: 3 }, (_, n) => [
      Array.from({ length: 8 }, (_, y) => [...pictures.subarray(n * 64 + y * 8, n * 64 + y * 8 + 8)]),
    ]);
    for (const input of [flat, image({ data: rows })]) {
      const reply = await infer(server, 'digits', { id: 'request 7', inputs: [input] });
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.headers['content-type'], 'application/json');
      assert.equal(reply.headers['inference-header-content-length'], undefined);
      const response = reply.json<WireResponse>();
      assert.equal(response.model_name, 'digits');
      assert.equal(response.model_version, '1');
      assert.equal(response.id, 'request 7');
      const output = firstOutput(response);
      assert.deepEqual([output.name, output.datatype, output.shape], ['logits', 'FP32', [3, 10]]);
      assert.deepEqual(output.data, expected);
    }
  });

  test('bytes in and out equal a direct run', async () => {
    const expected = await direct();
    const { body, headers } = binaryBody(
      {
        inputs: [image({ parameters: { binary_data_size: pictures.byteLength } })],
        outputs: [{ name: 'logits', parameters: { binary_data: true } }],
      },
      bytesOf(pictures),
    );
    const reply = await infer(server, 'digits', '', { body, headers });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers['content-type'], 'application/octet-stream');
    const { json, bytes } = splitBinary(reply);
    const output = firstOutput(json);
    assert.deepEqual(output.parameters, { binary_data_size: 120 });
    assert.equal(output.data, undefined);
    assert.equal('id' in json, false);
    assert.deepEqual(bytes, Buffer.from(bytesOf(expected)));
  });

  test('a raw binary request is the bytes of the one input', async () => {
    const expected = await direct();
    const reply = await infer(server, 'digits', '', {
      body: bytesOf(pictures),
      headers: { 'Inference-Header-Content-Length': 0 },
    });
    assert.equal(reply.status, 200, reply.text);
    const { json, bytes } = splitBinary(reply);
    assert.deepEqual(firstOutput(json).shape, [3, 10]);
    assert.deepEqual(bytes, Buffer.from(bytesOf(expected)));
  });

  test('gzip and deflate bodies are understood, JSON and binary', async () => {
    const expected = [...(await direct())];
    const { body, headers } = binaryBody(
      { inputs: [image({ parameters: { binary_data_size: pictures.byteLength } })] },
      bytesOf(pictures),
    );
    for (const [encoding, compress] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
    ] as const) {
      for (const [plain, more] of [
        [Buffer.from(JSON.stringify({ inputs: [flat] })), {}],
        [body, headers],
      ] as const) {
        const reply = await infer(server, 'digits', '', {
          body: compress(plain),
          headers: { 'Content-Encoding': encoding, ...more },
        });
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual(firstOutput(reply.json<WireResponse>()).data, expected);
      }
    }
  });

  test('a small body that inflates beyond the limit is 413', async () => {
    const bomb = gzipSync(Buffer.alloc(80 << 20, 0x20));
    const reply = await infer(server, 'digits', '', { body: bomb, headers: { 'Content-Encoding': 'gzip' } });
    assert.equal(reply.status, 413);
  });
});

describe('outputs', () => {
  const value = (name: string, data: number[]) => ({ name, datatype: 'FP32', shape: [1, 4], data });
  const inputs = [value('b', [5, 6, 7, 8]), value('a', [1, 2, 3, 4])];
  const names = (response: WireResponse) => response.outputs.map((output) => output.name);

  test('none named gives all', async () => {
    for (const outputs of [undefined, []]) {
      const response = (await infer(server, 'pair', { inputs, outputs })).json<WireResponse>();
      assert.deepEqual(names(response), ['sum', 'product']);
      assert.deepEqual(response.outputs[1]?.data, [5, 12, 21, 32]);
    }
  });

  test('named ones come alone, in the order asked for', async () => {
    const one = await infer(server, 'pair', { inputs, outputs: [{ name: 'product' }] });
    assert.deepEqual(names(one.json<WireResponse>()), ['product']);
    const both = await infer(server, 'pair', { inputs, outputs: [{ name: 'product' }, { name: 'sum' }] });
    assert.deepEqual(names(both.json<WireResponse>()), ['product', 'sum']);
  });

  test('binary_data_output is the default that binary_data of an output overrides', async () => {
    const reply = await infer(server, 'pair', {
      inputs,
      parameters: { binary_data_output: true },
      outputs: [{ name: 'sum', parameters: { binary_data: false } }, { name: 'product' }],
    });
    const { json, bytes } = splitBinary(reply);
    assert.deepEqual(json.outputs[0]?.data, [6, 8, 10, 12]);
    assert.deepEqual(json.outputs[1]?.parameters, { binary_data_size: 16 });
    assert.deepEqual(bytes, Buffer.from(bytesOf(Float32Array.of(5, 12, 21, 32))));
  });

  test('one input as JSON, the other as bytes', async () => {
    const [b, a] = inputs;
    const { body, headers } = binaryBody(
      { inputs: [a, { ...b, data: undefined, parameters: { binary_data_size: 16 } }] },
      bytesOf(Float32Array.of(5, 6, 7, 8)),
    );
    const response = (await infer(server, 'pair', '', { body, headers })).json<WireResponse>();
    assert.deepEqual(response.outputs[0]?.data, [6, 8, 10, 12]);
  });
});

describe('datatypes', () => {
  const strings = (...texts: string[]) =>
    Buffer.concat(
      texts.map((text) => {
        const bytes = Buffer.from(text);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(bytes.length);
        return Buffer.concat([length, bytes]);
      }),
    );
  // Extremes of each type: JSON text of the data, and its bytes.
  const rows: [string, string, Uint8Array][] = [
    ['BOOL', '[true,false]', Uint8Array.of(1, 0)],
    ['UINT8', '[0,255]', Uint8Array.of(0, 255)],
    ['UINT16', '[0,65535]', bytesOf(Uint16Array.of(0, 65535))],
    ['UINT32', '[0,4294967295]', bytesOf(Uint32Array.of(0, 4294967295))],
    ['UINT64', '[9007199254740993,18446744073709551615]', bytesOf(BigUint64Array.of(9007199254740993n, 18446744073709551615n))],
    ['INT8', '[-128,127]', bytesOf(Int8Array.of(-128, 127))],
    ['INT16', '[-32768,32767]', bytesOf(Int16Array.of(-32768, 32767))],
    ['INT32', '[-2147483648,2147483647]', bytesOf(Int32Array.of(-2147483648, 2147483647))],
    ['INT64', '[-9223372036854775808,9223372036854775807,9007199254740993,-5]', bytesOf(BigInt64Array.of(-9223372036854775808n, 9223372036854775807n, 9007199254740993n, -5n))],
    ['FP32', '[0.10000000149011612,-0,3.4028234663852886e+38,1.401298464324817e-45]', bytesOf(Float32Array.of(0.1, -0, 3.4028234663852886e38, 1e-45))],
    ['FP64', '[0.1,-0,1.7976931348623157e+308,5e-324,12345678901234567000]', bytesOf(Float64Array.of(0.1, -0, Number.MAX_VALUE, 5e-324, 12345678901234567000))],
    ['BYTES', '["","naïve ☃","12345678901234567890\\n\\"",","]', strings('', 'naïve ☃', '12345678901234567890\n"', ',')],
  ]; // prettier-ignore

  for (const [datatype, text, bytes] of rows) {
    const count = (JSON.parse(text) as unknown[]).length;
    const head = `"name":"x","datatype":"${datatype}","shape":[${count}]`;
    const binaryInput = {
      name: 'x',
      datatype,
      shape: [count],
      parameters: { binary_data_size: bytes.length },
    };

    test(`${datatype} as JSON comes back as it went`, async () => {
      const reply = await infer(server, datatype, `{"inputs":[{${head},"data":${text}}]}`);
      assert.equal(reply.status, 200, reply.text);
      assert.ok(reply.text.includes(`"data":${text}`), reply.text);
    });

    test(`${datatype} as bytes comes back as it went, at any alignment`, async () => {
      for (const pad of ['', ' ', '  ', '   ', '       ']) {
        const json = { inputs: [binaryInput], parameters: { binary_data_output: true }, id: pad };
        const reply = await infer(server, datatype, '', binaryBody(json, bytes));
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual(splitBinary(reply).bytes, Buffer.from(bytes));
      }
    });

    test(`${datatype} in one form gives the other`, async () => {
      const toText = await infer(server, datatype, '', binaryBody({ inputs: [binaryInput] }, bytes));
      assert.ok(toText.text.includes(`"data":${text}`), toText.text);
      const body = `{"inputs":[{${head},"data":${text}}],"parameters":{"binary_data_output":true}}`;
      assert.deepEqual(splitBinary(await infer(server, datatype, body)).bytes, Buffer.from(bytes));
    });
  }

  test('FP16 passes as bytes', async () => {
    const bits = bytesOf(Uint16Array.of(0x3c00, 0x8000, 0x7bff, 0x7e01));
    const input = { name: 'x', datatype: 'FP16', shape: [4], parameters: { binary_data_size: 8 } };
    const json = { inputs: [input], outputs: [{ name: 'y', parameters: { binary_data: true } }] };
    const reply = await infer(server, 'FP16', '', binaryBody(json, bits));
    assert.equal(reply.status, 200, reply.text);
    assert.deepEqual(splitBinary(reply).bytes, Buffer.from(bits));
  });

  test('NaN and infinity pass as bytes, and are refused as JSON with a way out', async () => {
    const bits = bytesOf(Float32Array.of(Number.NaN, Infinity));
    const input = { name: 'x', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } };
    const binary = await infer(
      server,
      'FP32',
      '',
      binaryBody({ inputs: [input], parameters: { binary_data_output: true } }, bits),
    );
    assert.deepEqual(splitBinary(binary).bytes, Buffer.from(bits));
    const json = await infer(server, 'FP32', '', binaryBody({ inputs: [input] }, bits));
    assert.equal(json.status, 500);
    assert.match(json.json().error, /Output 'y' holds NaN at position 0.*"binary_data": true/);
  });

  test('no elements, and a scalar', async () => {
    const none = await infer(server, 'FP32', {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [0], data: [] }],
    });
    assert.deepEqual(firstOutput(none.json<WireResponse>()).data, []);
    const one = await infer(server, 'one', {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [], data: [4.5] }],
    });
    assert.deepEqual(firstOutput(one.json<WireResponse>()), {
      name: 'y',
      datatype: 'FP32',
      shape: [],
      data: [4.5],
    });
  });

  test('raw requests: one free dimension follows from the size, of two the first is the batch, a string is one', async () => {
    const headers = { 'Inference-Header-Content-Length': 0 };
    const shapeOf = async (modelName: string, body: Uint8Array) => {
      const reply = await infer(server, modelName, '', { body, headers });
      assert.equal(reply.status, 200, reply.text);
      return firstOutput(splitBinary(reply).json).shape;
    };
    assert.deepEqual(await shapeOf('line', new Uint8Array(24)), [3, 2]);
    assert.deepEqual(await shapeOf('plane', new Uint8Array(24)), [1, 6]);
    const text = await infer(server, 'BYTES', '', { body: 'a whole body', headers });
    assert.deepEqual(splitBinary(text).bytes, strings('a whole body'));
  });
});

test('the server ends in order', async () => assert.equal((await server.stop()).code, 0));
