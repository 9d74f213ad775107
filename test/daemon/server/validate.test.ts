import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Quantize } from '../../../daemon/protocol/quantize';
import { complaint } from '../../../daemon/server/validate';

test('a word that is none of those allowed is told with all that are', () => {
  const asked = { uri: 'file:///a.onnx', method: 'static', output: '/b.onnx' };
  assert.equal(complaint(Quantize.method, Quantize.params, asked), undefined);
  assert.equal(
    complaint(Quantize.method, Quantize.params, { ...asked, recover: ['clee'] }),
    'slipway/quantize: "recover[0]" must be "cle" or "smooth" or "adaround" or "bias" or "bias-iterative", but got "clee".',
  );
});
