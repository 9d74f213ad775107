// URIs of texts: whatever a file or a graph is called, the URI leads back to it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTextUri, textUri } from '../../../daemon/protocol/textFace';

test('a URI leads back to its file and graph', () => {
  const models = ['file:///a/b.onnx', 'file:///C:/my%20models/%23%26%3D%25.onnx', 'file:///%C3%A4.onnx'];
  const scopes = ['', 'If_3/then_branch', 'function com.acme:Norm', '../..//a&scope=b=%41#?', 'a b'];
  for (const model of models)
    for (const scope of scopes) {
      const uri = textUri(model, scope);
      assert.deepEqual(parseTextUri(uri), { model, scope }, uri);
      assert.match(uri, /^slipway-text:\/[^?]*\.onnxtxt\?[^=&]+$/);
      // An editor decodes the query once and encodes it in its own way.
      const [path, query] = uri.split('?') as [string, string];
      const other = `${path}?${encodeURIComponent(decodeURIComponent(query)).replace(/'/g, '%27')}`;
      assert.deepEqual(parseTextUri(other), { model, scope });
    }
});

test('other URIs name no text', () => {
  for (const uri of ['file:///a.onnx', 'slipway-text:/a', 'slipway-text:/a?%', 'slipway-text:/a?b=c'])
    assert.equal(parseTextUri(uri), undefined);
});
