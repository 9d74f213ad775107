import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../daemon/base/errors';
import { pathOfUri, uriOfPath } from '../../../daemon/workspace/uris';

test('paths with every kind of character come back', () => {
  if (process.platform === 'win32') return;
  for (const path of [
    '/a/b.onnx',
    '/with space/100%.onnx',
    '/a#b/c?d.onnx',
    '/größe/模型.onnx',
    '/a%20b.onnx',
    '/[x]/{y}.onnx',
  ]) {
    assert.equal(pathOfUri(uriOfPath(path)), path);
  }
  assert.equal(pathOfUri('file://localhost/a/b.onnx'), '/a/b.onnx');
});

test('what is no local file is refused with a sentence', () => {
  for (const uri of [
    '',
    'model.onnx',
    '/a/b.onnx',
    'http://example.com/a.onnx',
    'untitled:Untitled-1',
    'file:///a?b',
    'file:///a#b',
    'file:///a%2Fb',
    'file:///%zz',
  ]) {
    assert.throws(
      () => pathOfUri(uri),
      (error: unknown) =>
        error instanceof SlipwayError && error.kind === 'badRequest' && error.message.endsWith('.'),
      uri,
    );
  }
});
