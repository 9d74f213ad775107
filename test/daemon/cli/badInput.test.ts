// What bad input gets: a sentence that says what to do, the right exit code, and the user's files whole.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { f4, i8, u1, writeNpz } from '../../support/npzWriter';
import { temporaryFolder } from '../../support/paths';
import { runCli } from '../../support/runCli';
import { unknownOperatorModel, writeSmall } from '../../support/smallModels';
import { hashes, trainedModel } from '../../support/trainedModel';

const folder = temporaryFolder();
const model = trainedModel(folder);
const at = (name: string) => join(folder, name);
const pixels = model.side * model.side;
const calibrated = (data: string) => [
  ...['quantize', model.path, '-o', at('new.onnx'), '--method', 'static', '--calibration', data],
];

before(async () => {
  writeFileSync(at('cut.onnx'), readFileSync(model.path).subarray(0, 1000));
  writeFileSync(at('empty.onnx'), '');
  writeFileSync(
    at('random.onnx'),
    Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * i * 31 + 0xf7) & 0xff)),
  );
  writeFileSync(at('text.npz'), 'no archive');
  writeFileSync(at('cut.npz'), readFileSync(model.calibration).subarray(0, 5000));
  copyFileSync(model.path, at('taken.onnx'));
  await writeSmall(folder, 'unknown.onnx', unknownOperatorModel());
  const shape = [2, 1, model.side, model.side];
  writeNpz(at('name.npz'), { picture: f4(shape, new Float32Array(2 * pixels)) });
  writeNpz(at('unlabelled.npz'), { image: f4(shape, new Float32Array(2 * pixels)) });
  writeNpz(at('shape.npz'), { image: f4([2, 1, 5, 5], new Float32Array(50)) });
  writeNpz(at('dtype.npz'), { image: u1(shape, new Uint8Array(2 * pixels)) });
  writeNpz(at('labels.npz'), { image: f4(shape, new Float32Array(2 * pixels)), label: i8([2], [0, 9999]) });
});

interface Case {
  readonly args: () => readonly string[];
  readonly code: number;
  readonly kind: string;
  readonly says: RegExp;
}
const shapeText = `${model.side} × ${model.side}`;
const cases: Readonly<Record<string, Case>> = {
  'a missing file': {
    args: () => ['inspect', at('none.onnx')],
    code: 1,
    kind: 'notFound',
    says: /^Cannot read .*none\.onnx: it does not exist\. Check the path\.$/m,
  },
  'a folder': {
    args: () => ['inspect', folder],
    code: 1,
    kind: 'fileSystem',
    says: /it is a folder\. Name a file\./,
  },
  'a value for a dimension that is not there': {
    args: () => ['inspect', model.path, '--bind', 'btch=8'],
    code: 1,
    kind: 'badRequest',
    says: /has no free dimension "btch"\. It has batch\.$/m,
  },
  'a part that is not named': {
    args: () => ['extract', model.path, '-o', at('part.onnx')],
    code: 2,
    kind: 'usage',
    says: /Say which part: --scope, --from or --to\./,
  },
  'a part over the model itself': {
    args: () => ['extract', model.path, '-o', model.path, '--to', 'logits'],
    code: 1,
    kind: 'conflict',
    says: /is the model itself, which is never written over/,
  },
  'a truncated model to quantize': {
    args: () => ['quantize', at('cut.onnx'), '-o', at('new.onnx')],
    code: 1,
    kind: 'invalidModel',
    says: /cut\.onnx cannot be quantized: The file is cut off: it ends at byte/,
  },
  'a ratio to prune that is none': {
    args: () => ['prune', model.path, '-o', at('new.onnx'), '--ratio', '1.2'],
    code: 1,
    kind: 'badRequest',
    says: /from 0 to below 1; 1\.2 was given/,
  },
  'a size to prune to in a unit that is none': {
    args: () => ['prune', model.path, '-o', at('new.onnx'), '--target-size', '3 potatoes'],
    code: 2,
    kind: 'usage',
    says: /--target-size takes a share, as in 0\.5, or a number with its unit \(b, kb, mb/,
  },
  'a cap without its share': {
    args: () => ['prune', model.path, '-o', at('new.onnx'), '--ratio', '0.3', '--cap', 'conv1'],
    code: 2,
    kind: 'usage',
    says: /--cap takes NAME=R, as in --cap conv1=0\.3; "conv1" was given/,
  },
  'two ways to say how much to prune': {
    args: () => ['prune', model.path, '-o', at('new.onnx'), '--ratio', '0.3', '--target-latency', '2ms'],
    code: 2,
    kind: 'usage',
    says: /Say how much in one way/,
  },
  'an option of channels where weights become zero': {
    args: () => ['prune', model.path, '-o', at('new.onnx'), '--method', 'n:m', '--target-size', '0.5'],
    code: 2,
    kind: 'usage',
    says: /--target-size is for channels, and --method n:m makes weights zero/,
  },
  'an empty model to compress': {
    args: () => ['compress', at('empty.onnx')],
    code: 1,
    kind: 'invalidModel',
    says: /empty\.onnx cannot be compressed: The file is empty/,
  },
  'a random file to benchmark': {
    args: () => ['benchmark', at('random.onnx')],
    code: 1,
    kind: 'runnerFailed',
    says: /random\.onnx/,
  },
  'an unknown operator to benchmark': {
    args: () => ['benchmark', at('unknown.onnx')],
    code: 1,
    kind: 'runnerFailed',
    says: /unknown\.onnx.*com\.acme/,
  },
  'an unknown operator to compress': {
    args: () => ['compress', at('unknown.onnx')],
    code: 1,
    kind: 'runnerFailed',
    says: /unknown\.onnx.*com\.acme/,
  },
  'no calibration data': {
    args: () => ['quantize', model.path, '-o', at('new.onnx'), '--method', 'static'],
    code: 2,
    kind: 'usage',
    says: new RegExp(`"image" \\(float32, samples ?× ?1.*\\).*Add --calibration .*_calibration\\.npz`),
  },
  'missing calibration data': {
    args: () => calibrated(at('none.npz')),
    code: 1,
    kind: 'notFound',
    says: /none\.npz: it does not exist/,
  },
  'calibration data with a wrong name': {
    args: () => calibrated(at('name.npz')),
    code: 1,
    kind: 'badRequest',
    says: new RegExp(
      `no array for the input "image" \\(float32, batch × 1 × ${shapeText}\\); it holds "picture"`,
    ),
  },
  'calibration data with a wrong shape': {
    args: () => calibrated(at('shape.npz')),
    code: 1,
    kind: 'badRequest',
    says: new RegExp(
      `"image" \\(float32, 2 × 1 × 5 × 5\\) does not fit .* expected samples × 1 × ${shapeText}`,
    ),
  },
  'calibration data with a wrong element type': {
    args: () => calibrated(at('dtype.npz')),
    code: 1,
    kind: 'badRequest',
    says: /"image" has the element type uint8, and the input "image" .* expects float32/,
  },
  'calibration data that is no archive': {
    args: () => calibrated(at('text.npz')),
    code: 1,
    kind: 'badRequest',
    says: /neither an \.npz nor an \.npy file/,
  },
  'calibration data that is cut off': {
    args: () => calibrated(at('cut.npz')),
    code: 1,
    kind: 'badRequest',
    says: /not a readable \.npz file: the directory at its end is missing/,
  },
  'labels of another model': {
    args: () => ['evaluate', model.path, '--data', at('labels.npz')],
    code: 1,
    kind: 'badRequest',
    says: /label 9999 of sample 1 is none of the model's \d+ classes/,
  },
  'data without labels': {
    args: () => ['evaluate', model.path, '--data', at('unlabelled.npz')],
    code: 1,
    kind: 'badRequest',
    says: /unlabelled\.npz has no labels: top-1 needs an array "label"/,
  },
  'an output that exists': {
    args: () => ['quantize', model.path, '-o', at('taken.onnx')],
    code: 1,
    kind: 'conflict',
    says: /taken\.onnx already exists\. Choose another name/,
  },
  'the input as output': {
    args: () => ['quantize', model.path, '-o', model.path, '--overwrite'],
    code: 1,
    kind: 'conflict',
    says: /is the model itself, which is never written over/,
  },
  'the calibration data as output': {
    args: () => [
      ...['quantize', model.path, '-o', model.calibration, '--overwrite'],
      ...['--method', 'static', '--calibration', model.calibration],
    ],
    code: 1,
    kind: 'conflict',
    says: /is the calibration data, which is never written over/,
  },
  'a folder that is not there': {
    args: () => ['quantize', model.path, '-o', join(folder, 'none', 'new.onnx')],
    code: 1,
    kind: 'notFound',
    says: /Cannot write .*new\.onnx: its folder does not exist/,
  },
  'a folder that is a file': {
    args: () => ['quantize', model.path, '-o', join(model.path, 'new.onnx')],
    code: 1,
    kind: 'fileSystem',
    says: /Cannot write .*new\.onnx: a part of its path is a file/,
  },
  'an unknown option': {
    args: () => ['quantize', model.path, '--ouput', 'x'],
    code: 2,
    kind: 'usage',
    says: /^There is no option --ouput\. Did you mean --output\?/m,
  },
  'no output': {
    args: () => ['quantize', model.path],
    code: 2,
    kind: 'usage',
    says: /^Name the file to write: -o OUT\./m,
  },
  'an unknown method': {
    args: () => ['quantize', model.path, '-o', at('new.onnx'), '--method', 'statik'],
    code: 2,
    kind: 'usage',
    says: /"statik" was given\. Did you mean static\?/,
  },
  'an option of another method': {
    args: () => ['quantize', model.path, '-o', at('new.onnx'), '--method', 'dynamic', '--bits', '4'],
    code: 2,
    kind: 'usage',
    says: /^--bits belongs to --method weight-only; the method here is dynamic/m,
  },
  'a search that the method has none of': {
    args: () => ['quantize', model.path, '-o', at('new.onnx'), '--method', 'dynamic', '--max-drop', '0.1'],
    code: 2,
    kind: 'usage',
    says: /^--max-drop belongs to --method static, fp16, bf16;/m,
  },
  'a wrong binding': {
    args: () => ['benchmark', model.path, '--bind', 'batsh=2'],
    code: 1,
    kind: 'badRequest',
    says: /No model has a free dimension named "batsh"\. There are: batch\./,
  },
  'a device that ONNX Runtime has on no platform of ours': {
    args: () => ['benchmark', model.path, '--device', 'openvino'],
    code: 1,
    kind: 'unsupported',
    says: /This build of ONNX Runtime has no Intel devices with OpenVINO \(openvino\) for/,
  },
  'a model to serve that is not there': {
    args: () => ['serve', at('none.onnx'), '--port', '0'],
    code: 1,
    kind: 'serverFailed',
    says: /none\.onnx: it does not exist/,
  },
  'a port that is none': {
    args: () => ['serve', model.path, '--port', '99999'],
    code: 2,
    kind: 'usage',
    says: /--port takes a number from 0 to 65535; '99999' was given/,
  },
};

for (const [what, { args, code, kind, says }] of Object.entries(cases))
  test(`refuses ${what}`, async () => {
    const whole = hashes(folder);
    const run = await runCli(...args(), '--json');
    assert.equal(run.code, code, run.stderr);
    assert.match(run.stderr, says);
    assert.doesNotMatch(run.stderr, /\n {4}at |undefined|\[object/);
    const said = JSON.parse(run.stdout) as { error: { kind: string; message: string } };
    assert.equal(said.error.kind, kind);
    assert.match(said.error.message, says);
    assert.deepEqual(hashes(folder), whole);
  });

for (const [name, id] of [
  ['cut.onnx', 'onnx/truncated'],
  ['empty.onnx', 'onnx/empty'],
  ['random.onnx', 'onnx/not-onnx'],
] as const)
  test(`inspect ${name} says what it found and ends with 1`, async () => {
    const whole = hashes(folder);
    const run = await runCli('inspect', at(name), '--json');
    assert.equal(run.code, 1);
    const { diagnostics, file } = JSON.parse(run.stdout) as { file: string; diagnostics: { id: string }[] };
    assert.equal(file, at(name));
    assert.ok(
      diagnostics.some((diagnostic) => diagnostic.id === id),
      JSON.stringify(diagnostics),
    );
    assert.match(run.stderr, /^The model has \d+ errors?\.$/m);
    const people = await runCli('inspect', at(name));
    assert.equal(people.code, 1);
    assert.ok(people.stdout.includes(id));
    assert.deepEqual(hashes(folder), whole);
  });

test('inspecting an unknown operator is no error: only running it would be', async () => {
  const run = await runCli('inspect', at('unknown.onnx'), '--json');
  assert.equal(run.code, 0, run.stderr);
});

test('an unknown command names the nearest', async () => {
  const run = await runCli('benhcmark', model.path);
  assert.deepEqual([run.code, run.stdout], [2, '']);
  assert.match(run.stderr, /^There is no command "benhcmark"\. Did you mean benchmark\?/);
});
