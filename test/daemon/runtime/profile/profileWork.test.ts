import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workOf, type ProfiledShape } from '../../../../daemon/runtime/profile/profileWork';

const shaped = (...dims: number[]): ProfiledShape => ({ type: 'float', dims });
const bytes = (...dims: number[]): ProfiledShape => ({ type: 'uint8', dims });

function check(op: string, inputs: ProfiledShape[], output: ProfiledShape, expected: number | null): void {
  assert.equal(workOf(op, inputs, [output])?.operations ?? null, expected, op);
}

test('operations from shapes: products, convolutions, recurrent and attention operators', () => {
  check('MatMul', [shaped(2, 3, 4), shaped(4, 5)], shaped(2, 3, 5), 2 * 2 * 3 * 4 * 5);
  check('MatMul', [shaped(2, 3, 4), shaped(2, 4, 5)], shaped(2, 3, 5), 2 * 2 * 3 * 4 * 5);
  check('MatMul', [shaped(4), shaped(4, 5)], shaped(5), 2 * 4 * 5);
  // B transposed: the inner dimension comes from the sizes.
  check('Gemm', [shaped(3, 4), shaped(5, 4), shaped(5)], shaped(3, 5), 2 * 3 * 4 * 5);
  check('FusedMatMul', [shaped(2, 3, 4), shaped(2, 5, 4)], shaped(2, 3, 5), 2 * 2 * 3 * 4 * 5);
  check('Conv', [shaped(1, 8, 6, 6), shaped(16, 8, 3, 3)], shaped(1, 16, 4, 4), 2 * 256 * 72);
  // Depthwise: each output channel sees one input channel.
  check('Conv', [shaped(1, 8, 6, 6), shaped(8, 1, 3, 3)], shaped(1, 8, 4, 4), 2 * 128 * 9);
  check('ConvTranspose', [shaped(1, 8, 4, 4), shaped(8, 2, 3, 3)], shaped(1, 2, 6, 6), 2 * 128 * 18);
  check(
    'LSTM',
    [shaped(7, 2, 3), shaped(1, 20, 3), shaped(1, 20, 5)],
    shaped(7, 1, 2, 5),
    2 * 14 * (60 + 100),
  );
  check('MatMulNBits', [shaped(3, 64), bytes(32, 2, 16)], shaped(3, 32), 2 * 3 * 32 * 64);
  check('Relu', [shaped(3, 4)], shaped(3, 4), 12);
});

test('what is not told is null, and integers have a roof of their own', () => {
  check('Conv', [shaped(1, 8, 6, 6)], shaped(1, 16, 4, 4), null);
  check('GroupQueryAttention', [shaped(1, 2, 3)], shaped(1, 2, 3), null);
  assert.equal(workOf('Relu', [], []), null);
  const arithmetic = (op: string, inputs: ProfiledShape[]) => workOf(op, inputs, [shaped(3, 5)])?.arithmetic;
  assert.equal(arithmetic('MatMulInteger', [bytes(3, 4), bytes(4, 5)]), 'integer');
  assert.equal(arithmetic('DynamicQuantizeMatMul', [shaped(3, 4), bytes(4, 5)]), 'integer');
  assert.equal(arithmetic('MatMul', [shaped(3, 4), shaped(4, 5)]), 'float');
});
