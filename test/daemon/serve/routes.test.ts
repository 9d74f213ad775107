// Every route of the server, and what each kind of wrong request gets.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { DataType } from '../../../daemon/ir/dataType';
import { temporaryFolder } from '../../support/paths';
import {
  binaryBody,
  call,
  digitsModel,
  echoModel,
  infer,
  pairModel,
  startServer,
  type CallOptions,
  type TestServer,
} from './testServer';

const folder = temporaryFolder();
let server: TestServer;

before(async () => {
  server = await startServer([
    await digitsModel(folder),
    `pair=${await pairModel(folder)}`,
    `half=${await echoModel(folder, 'half', DataType.FLOAT16, ['n'])}`,
    `small=${await echoModel(folder, 'small', DataType.INT8, ['n'])}`,
    `long=${await echoModel(folder, 'long', DataType.INT64, ['n'])}`,
    `yes=${await echoModel(folder, 'yes', DataType.BOOL, ['n'])}`,
    `text=${await echoModel(folder, 'text', DataType.STRING, ['n'])}`,
    `open=${await echoModel(folder, 'open', DataType.FLOAT, ['n', 'h', 'w'])}`,
    `brain=${await echoModel(folder, 'brain', DataType.FLOAT, [2, 2])}`,
    '--max-body-bytes=65536',
  ]);
});

describe('routes', () => {
  test('server metadata names the binary extension', async () => {
    const reply = await call(`${server.url}/v2`);
    assert.equal(reply.status, 200);
    const { name, version, extensions } = reply.json<{
      name: string;
      version: string;
      extensions: string[];
    }>();
    assert.equal(name, 'slipway');
    assert.match(version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(extensions, ['binary_tensor_data']);
  });

  for (const path of [
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/pair/ready',
    '/v2/models/pair/versions/1/ready',
  ]) {
    test(`${path} is 200`, async () => assert.equal((await call(`${server.url}${path}`)).status, 200));
  }

  for (const path of [
    '/v2/models/pair',
    '/v2/models/pair/versions/1',
    '/v2/models/pair/?x=1',
    '/v2/models/p%61ir',
  ]) {
    test(`${path} is the model's metadata`, async () => {
      const reply = await call(`${server.url}${path}`);
      assert.deepEqual(reply.json(), {
        name: 'pair',
        versions: ['1'],
        platform: 'onnxruntime_onnx',
        inputs: [
          { name: 'a', datatype: 'FP32', shape: [-1, 4] },
          { name: 'b', datatype: 'FP32', shape: [-1, 4] },
        ],
        outputs: [
          { name: 'sum', datatype: 'FP32', shape: [-1, 4] },
          { name: 'product', datatype: 'FP32', shape: [-1, 4] },
        ],
      });
    });
  }

  test('HEAD answers like GET without a body', async () => {
    const reply = await call(`${server.url}/v2`, { method: 'HEAD' });
    assert.equal(reply.status, 200);
    assert.equal(reply.bytes.length, 0);
  });

  const wrongRoutes: [string, string, number, RegExp][] = [
    ['GET', '/v2/models/nope', 404, /^Request for unknown model: 'nope' is not found$/],
    ['GET', '/v2/models/nope/ready', 404, /'nope' is not found/],
    ['POST', '/v2/models/nope/infer', 404, /^Request for unknown model: 'nope' is not found$/],
    ['GET', '/v2/models/pair/versions/2', 404, /'pair' version 2 is not found; it has version 1/],
    ['POST', '/v2/models/pair/versions/2/infer', 404, /version 2 is not found/],
    ['GET', '/', 404, /nothing at this path/],
    ['GET', '/v2/modelsx', 404, /nothing at this path/],
    ['GET', '/v2/models/constructor', 404, /unknown model/],
    ['GET', '/constructor', 404, /nothing at this path/],
    ['GET', '/v2/models/%zz', 400, /percent escape/],
    ['POST', '/v2', 405, /takes GET or HEAD, not POST/],
    ['DELETE', '/v2/models/pair', 405, /not DELETE/],
    ['GET', '/v2/models/pair/infer', 405, /takes POST, not GET/],
    ['PUT', '/metrics', 405, /not PUT/],
  ];
  for (const [method, path, status, sentence] of wrongRoutes) {
    test(`${method} ${path} is ${status}`, async () => {
      const reply = await call(`${server.url}${path}`, {
        method,
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      assert.equal(reply.status, status);
      assert.match(reply.json().error, sentence);
      assert.equal(reply.headers['content-type'], 'application/json');
      if (status === 405) assert.ok(reply.headers.allow);
    });
  }
});

describe('requests that are refused', () => {
  const a = { name: 'a', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
  const b = { ...a, name: 'b' };
  const x = (datatype: string, data: unknown, shape: unknown = [1]) => ({
    inputs: [{ name: 'x', datatype, shape, data }],
  });
  const four = { name: 'x', datatype: 'FP32', shape: [2, 2] };
  const bytes = (inputs: unknown[], ...tensors: Uint8Array[]): CallOptions =>
    binaryBody({ inputs }, ...tensors);

  const rows: [string, string, unknown, number, RegExp, CallOptions?][] = [
    ['empty body', 'pair', '', 400, /not valid JSON/],
    ['no JSON', 'pair', '{"inputs":', 400, /not valid JSON/],
    ['NaN', 'brain', '{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[1,2,3,NaN]}]}', 400, /not valid JSON.*NaN and Infinity have no JSON form/],
    ['JSON that is no object', 'pair', [1], 400, /must be a JSON object/],
    ['no inputs', 'pair', {}, 400, /no "inputs" array\. It expects 'a' FP32 \[-1,4\], 'b' FP32 \[-1,4\]/],
    ['a missing input', 'pair', { inputs: [a] }, 400, /Input 'b' is missing\. It expects 'a' FP32 \[-1,4\]/],
    ['an unknown input', 'pair', { inputs: [a, { ...b, name: 'c' }] }, 400, /'pair' has no input 'c'\. It expects/],
    ['an input twice', 'pair', { inputs: [a, a] }, 400, /'a' is given twice/],
    ['an input without a name', 'pair', { inputs: [{ ...a, name: 3 }] }, 400, /needs a name/],
    ['another datatype', 'pair', { inputs: [{ ...a, datatype: 'FP64' }, b] }, 400, /Input 'a' expects datatype FP32; the request has FP64/],
    ['a lower-case datatype', 'pair', { inputs: [{ ...a, datatype: 'fp32' }, b] }, 400, /expects datatype FP32; the request has fp32/],
    ['no datatype', 'pair', { inputs: [{ name: 'a', shape: [1, 4], data: [] }] }, 400, /has no datatype/],
    ['BF16', 'pair', { inputs: [{ ...a, datatype: 'BF16' }, b] }, 501, /BF16/],
    ['another rank', 'pair', { inputs: [{ ...a, shape: [4] }, b] }, 400, /expects shape \[-1,4\] \(-1 is free\); the request has \[4\]/],
    ['another fixed dimension', 'pair', { inputs: [{ ...a, shape: [1, 5] }, b] }, 400, /expects shape \[-1,4\].*has \[1,5\]/],
    ['a negative dimension', 'pair', { inputs: [{ ...a, shape: [-1, 4] }, b] }, 400, /"shape" of non-negative integers/],
    ['a fractional dimension', 'pair', { inputs: [{ ...a, shape: [1.5, 4] }, b] }, 400, /non-negative integers/],
    ['too few values', 'pair', { inputs: [{ ...a, data: [1, 2, 3] }, b] }, 400, /shape \[1,4\], so 4 values; the data holds 3/],
    ['a huge shape with little data', 'open', x('FP32', [1], [2000000000, 2000000000, 2]), 400, /the data holds 1/],
    ['ragged nesting', 'brain', { inputs: [{ ...four, data: [[1, 2], [3]] }] }, 400, /array at dimension 1 of its data holds 1 values/],
    ['nesting of another depth', 'brain', { inputs: [{ ...four, data: [[[1], [2]], [[3], [4]]] }] }, 400, /is not a FP32|does not match/],
    ['mixed nesting', 'brain', { inputs: [{ ...four, data: [[1, 2], 3] }] }, 400, /does not match its shape/],
    ['no data', 'brain', { inputs: [four] }, 400, /data of input 'x' is not an array/],
    ['null as a number', 'brain', { inputs: [{ ...four, data: [1, 2, 3, null] }] }, 400, /Value 3 of input 'x' is not a FP32: a number is expected/],
    ['a string as a number', 'brain', { inputs: [{ ...four, data: [1, 2, 3, '4'] }] }, 400, /a number is expected/],
    ['a number beyond FP32', 'brain', { inputs: [{ ...four, data: [1, 2, 3, 1e39] }] }, 400, /out of range/],
    ['a number beyond JSON', 'brain', '{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[1,2,3,1e999]}]}', 400, /out of range/],
    ['INT8 out of range', 'small', x('INT8', [128]), 400, /must lie between -128 and 127/],
    ['a fraction as INT8', 'small', x('INT8', [1.5]), 400, /an integer is expected/],
    ['a fraction as INT64', 'long', x('INT64', [1.5]), 400, /an integer is expected/],
    ['INT64 out of range', 'long', '{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[9223372036854775808]}]}', 400, /out of range/],
    ['INT64 in exponent form', 'long', '{"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[1e18]}]}', 400, /an integer is expected/],
    ['2 as BOOL', 'yes', x('BOOL', [2]), 400, /true or false is expected/],
    ['a number as BYTES', 'text', x('BYTES', [5]), 400, /a string is expected/],
    ['a long integer as BYTES', 'text', '{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":[12345678901234567890]}]}', 400, /a string is expected/],
    ['FP16 as JSON', 'half', x('FP16', [1]), 400, /no JSON form/],
    ['FP16 output as JSON', 'half', {}, 400, /Output 'y' is FP16, which has no JSON form/, bytes([{ name: 'x', datatype: 'FP16', shape: [1], parameters: { binary_data_size: 2 } }], new Uint8Array(2))],
    ['an unknown output', 'pair', { inputs: [a, b], outputs: [{ name: 'z' }] }, 400, /no output of that name\. Its outputs are 'sum', 'product'/],
    ['an output twice', 'pair', { inputs: [a, b], outputs: [{ name: 'sum' }, { name: 'sum' }] }, 400, /asked for twice/],
    ['outputs that are no array', 'pair', { inputs: [a, b], outputs: 'sum' }, 400, /"outputs" is an array/],
    ['classification', 'pair', { inputs: [a, b], outputs: [{ name: 'sum', parameters: { classification: 3 } }] }, 501, /classification/],
    ['shared memory', 'pair', { inputs: [{ ...a, parameters: { shared_memory_region: 'r' } }, b] }, 501, /Shared memory/],
    ['an id that is no string', 'pair', { id: 7, inputs: [a, b] }, 400, /id of a request is a string/],
    ['deep nesting', 'pair', `${'['.repeat(100)}${']'.repeat(100)}`, 400, /deeper than 64/],
    ['invalid UTF-8', 'pair', '', 400, /not valid UTF-8/, { body: Buffer.from([0x22, 0xff, 0x22]) }],
    ['a header length beyond the body', 'brain', {}, 400, /is 99, but the whole body has 2 bytes/, { headers: { 'Inference-Header-Content-Length': 99 } }],
    ['a header length that is no number', 'brain', {}, 400, /a number of bytes/, { headers: { 'Inference-Header-Content-Length': '-1' } }],
    ['binary data without the header', 'brain', { inputs: [{ ...four, parameters: { binary_data_size: 16 } }] }, 400, /0 bytes are left after the JSON\. Is Inference-Header-Content-Length right/],
    ['binary and JSON data at once', 'brain', {}, 400, /both "data" and "binary_data_size"/, bytes([{ ...four, data: [1, 2, 3, 4], parameters: { binary_data_size: 16 } }], new Uint8Array(16))],
    ['too few bytes for the shape', 'brain', {}, 400, /shape \[2,2\] of FP32, so 16 bytes; 12 were sent/, bytes([{ ...four, parameters: { binary_data_size: 12 } }], new Uint8Array(12))],
    ['bytes that nobody claims', 'brain', {}, 400, /4 bytes that no input's binary_data_size/, bytes([{ ...four, parameters: { binary_data_size: 16 } }], new Uint8Array(20))],
    ['a negative binary size', 'brain', {}, 400, /does not fit/, bytes([{ ...four, parameters: { binary_data_size: -4 } }], new Uint8Array(16))],
    ['BOOL byte 2', 'yes', {}, 400, /each byte is 0 or 1/, bytes([{ name: 'x', datatype: 'BOOL', shape: [2], parameters: { binary_data_size: 2 } }], Uint8Array.of(1, 2))],
    ['a string past the end', 'text', {}, 400, /runs past the end/, bytes([{ name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 5 } }], Uint8Array.of(9, 0, 0, 0, 65))],
    ['strings too few', 'text', {}, 400, /needs 2 strings for its shape; the data holds 1/, bytes([{ name: 'x', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: 5 } }], Uint8Array.of(1, 0, 0, 0, 65))],
    ['a string that is no UTF-8', 'text', {}, 400, /not valid UTF-8/, bytes([{ name: 'x', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 5 } }], Uint8Array.of(1, 0, 0, 0, 255))],
    ['raw bytes for two inputs', 'pair', 'xxxx', 400, /needs a model with one input; 'pair' has 2/, { headers: { 'Inference-Header-Content-Length': 0 } }],
    ['raw bytes of the wrong size', 'brain', 'xxxx', 400, /so 16 bytes; 4 were sent|no whole number/, { headers: { 'Inference-Header-Content-Length': 0 } }],
    ['raw bytes for an open shape', 'open', 'xxxx', 400, /leaves the shape \[-1,-1,-1\] open/, { headers: { 'Inference-Header-Content-Length': 0 } }],
    ['a body that is no gzip', 'brain', '{}', 400, /not valid gzip/, { headers: { 'Content-Encoding': 'gzip' } }],
    ['brotli', 'brain', '{}', 415, /Send gzip, deflate or identity/, { headers: { 'Content-Encoding': 'br' } }],
    ['a body beyond the limit', 'brain', 'x'.repeat(70_000), 413, /larger than the 65536 bytes that --max-body-bytes allows/],
    ['a chunked body beyond the limit', 'brain', 'x'.repeat(70_000), 413, /larger than/, { headers: { 'Transfer-Encoding': 'chunked' } }],
  ]; // prettier-ignore
  for (const [what, modelName, body, status, sentence, options] of rows) {
    test(`${what} is ${status}`, async () => {
      const reply = await infer(server, modelName, body, options);
      assert.equal(reply.status, status, reply.text);
      assert.match(reply.json().error, sentence);
    });
  }

  test('after all that the server still answers', async () => {
    const reply = await infer(server, 'pair', { inputs: [a, b] });
    assert.equal(reply.status, 200);
    assert.equal((await call(`${server.url}/v2/health/ready`)).status, 200);
    const ended = await server.stop();
    assert.equal(ended.code, 0);
    assert.doesNotMatch(ended.stderr, /error/);
  });
});
