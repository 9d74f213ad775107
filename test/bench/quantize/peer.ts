// onnxruntime.quantization in a Python environment of its own: found, or installed, or said to be missing.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../support/paths';

const packages = ['onnxruntime==1.30.0', 'onnx', 'numpy'];

const script = `
import sys, numpy as np
from onnxruntime.quantization import (quantize_static, quantize_dynamic, CalibrationDataReader, CalibrationMethod,
                                      QuantType, QuantFormat)
mode, model, data, out = sys.argv[1:5]
class Reader(CalibrationDataReader):
    def __init__(self):
        arrays = np.load(data)
        names = [name for name in arrays.files if name != 'label']
        columns = {name: arrays[name] for name in names}
        count = len(next(iter(columns.values())))
        self.rows = iter([{name: column[i:i + 1] for name, column in columns.items()} for i in range(count)])
    def get_next(self):
        return next(self.rows, None)
if mode == 'prepared':
    from onnxruntime.quantization.shape_inference import quant_pre_process
    quant_pre_process(model, out + '.prepared', skip_symbolic_shape=True)
    model = out + '.prepared'
if mode == 'dynamic':
    quantize_dynamic(model, out)
elif mode == 'default':
    quantize_static(model, out, Reader())
else:
    methods = {'percentile': CalibrationMethod.Percentile, 'entropy': CalibrationMethod.Entropy}
    quantize_static(model, out, Reader(), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, per_channel=mode != 'tensor',
                    calibrate_method=methods.get(mode, CalibrationMethod.MinMax))
`;

export type Peer = { readonly python: string } | { readonly missing: string };

/** Writes the program that quantizes as `program MODE MODEL DATA OUT`; modes are default, u8s8, tensor (one scale for each weight), prepared, dynamic and calibrators. */
export function writePeerProgram(folder: string): string {
  const path = join(folder, 'peer.py');
  writeFileSync(path, script);
  return path;
}

/** A Python with the peer's packages in an environment of its own, or what is missing. */
export function peerPython(): Peer {
  const folder = join(repository, '.cache', 'quantization-peer');
  const python = join(folder, 'bin', 'python');
  const works = () => spawnSync(python, ['-c', 'import onnxruntime.quantization']).status === 0;
  if (existsSync(python) && works()) return { python };
  mkdirSync(join(repository, '.cache'), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  if (spawnSync('python3', ['-m', 'venv', folder]).status !== 0)
    return { missing: 'Python 3 with venv is missing (Debian: sudo apt-get install python3-venv)' };
  const installed = spawnSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], { encoding: 'utf8' });
  return installed.status === 0
    ? { python }
    : { missing: `pip cannot install ${packages.join(' ')}: ${installed.stderr.trim().split('\n').at(-1)}` };
}
