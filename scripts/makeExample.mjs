// Makes examples/: the ResNet that this project trained, its calibration set as it is, and the first samples of
// its validation set, so that all of it stays below 4 MB. Needs the folder of trained models (../shared/models,
// or the one named as argument); run it again only when the models were trained anew.
import { unzipSync, zipSync } from 'fflate';
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const samples = 500;
const root = fileURLToPath(new URL('..', import.meta.url));
const from = join(process.argv[2] ?? join(root, '..', 'shared', 'models'), 'resnet');
const to = join(root, 'examples');

/** The first rows of an .npy file (version 1, C order), with a header that says so. */
function firstRows(npy, rows) {
  const bytes = Buffer.from(npy);
  const headerEnd = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, headerEnd);
  const shape = /'shape': \((\d+)(,[^)]*)\)/.exec(header);
  const size = (bytes.length - headerEnd) / Number(shape[1]);
  const text = header.trimEnd().replace(shape[0], `'shape': (${rows}${shape[2]})`);
  const start = Buffer.from(bytes.subarray(0, 10));
  start.writeUInt16LE(headerEnd - 10, 8);
  const padded = Buffer.from(`${text.padEnd(headerEnd - 11)}\n`, 'latin1');
  return Buffer.concat([start, padded, bytes.subarray(headerEnd, headerEnd + rows * size)]);
}

mkdirSync(to, { recursive: true });
for (const name of ['resnet.onnx', 'resnet_calibration.npz']) copyFileSync(join(from, name), join(to, name));
const arrays = unzipSync(readFileSync(join(from, 'resnet_validation.npz')));
const cut = Object.fromEntries(Object.entries(arrays).map(([name, npy]) => [name, firstRows(npy, samples)]));
writeFileSync(join(to, 'resnet_validation.npz'), zipSync(cut, { level: 9, mtime: '1980-01-01' }));

const names = ['resnet.onnx', 'resnet_calibration.npz', 'resnet_validation.npz'];
for (const name of names)
  process.stdout.write(`${statSync(join(to, name)).size.toString().padStart(9)} ${name}\n`);
