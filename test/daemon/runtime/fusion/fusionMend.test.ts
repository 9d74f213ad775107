import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mendOf } from '../../../../daemon/runtime/fusion/fusionMend';
import { repository } from '../../../support/paths';

test('each reason has the advice that belongs to it', () => {
  const cases: readonly [string, RegExp][] = [
    ['ONNX Runtime has no integer kernel for Gelu.', /^Leave it: rounding around it/],
    ['ONNX Runtime has no integer kernel for Sin.', /replace it by operators/],
    ['It was told to stay in float.', /excluded/],
    ['Its output also feeds relu (Relu) in float.', /from one step/],
    ['Its output goes to mul (Mul) in float; a quantize step must stand between them.', /method static/],
    ['Dynamic quantization takes MatMul and Gemm only, not Conv.', /calibration data/],
    ['Its weight "w" is an input of the model, not a constant.', /initializer/],
    ['On x64, ONNX Runtime turns int8 values into uint8.', /uint8 activations; int8/],
    ['No finite range is known for its input.', /calibration samples/],
    ['Its input is quantized to UINT16; ONNX Runtime has integer kernels for 8 bits only.', /uint8/],
  ];
  for (const [why, mend] of cases) assert.match(mendOf(why) ?? '', mend, why);
});

test('every reason that is written down has advice', () => {
  const source = ['runtime/fusion/fusionReason', 'passes/quantize/static', 'passes/quantize/placement']
    .map((name) => readFileSync(join(repository, 'daemon', `${name}.ts`), 'utf8'))
    .join('\n');
  const reasons = [...source.matchAll(/['`](It[s ][^'`\n]{12,}\.)['`]/g)].map(([, text = '']) => text);
  assert.ok(reasons.length > 15);
  const without = reasons.filter((why) => mendOf(why) === undefined);
  assert.deepEqual(without, []);
});
