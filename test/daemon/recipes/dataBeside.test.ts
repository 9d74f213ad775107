import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dataBeside } from '../../../daemon/recipes/dataBeside';
import { temporaryFolder } from '../../support/paths';

const root = temporaryFolder();
let count = 0;
function find(model: string, ...files: readonly string[]): string | undefined {
  const folder = join(root, `${(count += 1)}`);
  mkdirSync(folder);
  for (const file of files) writeFileSync(join(folder, file), '');
  return dataBeside(join(folder, model), 'calibration')?.slice(folder.length + 1);
}

test('data by the name of the model', () => {
  assert.equal(find('net.onnx', 'net_calibration.npz', 'other_calibration.npz'), 'net_calibration.npz');
  assert.equal(find('net_bn.onnx', 'net_calibration.npz', 'other_calibration.npz'), 'net_calibration.npz');
  assert.equal(find('net.int8.onnx', 'net_calibration.npz', 'n_calibration.npz'), 'net_calibration.npz');
  assert.equal(
    find('net_bn.onnx', 'net_calibration.npz', 'net_bn_calibration.npz'),
    'net_bn_calibration.npz',
  );
});

test('failing that, the only data of the folder', () => {
  assert.equal(find('model.onnx', 'net_calibration.npz', 'net_validation.npz'), 'net_calibration.npz');
  assert.equal(find('netting.onnx', 'net_calibration.npz', 'other_calibration.npz'), undefined);
  assert.equal(find('model.onnx', 'model_validation.npz'), undefined);
  assert.equal(dataBeside(join(root, 'none', 'model.onnx'), 'calibration'), undefined);
});
