// What inspection says of damaged files: the reader's findings and nothing that only follows from them.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from '../../../daemon/analysis/inspect';
import { silentTask } from '../../../daemon/base/task';
import { DataType } from '../../../daemon/ir/dataType';
import { graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { readModel } from '../../../daemon/onnx/readModel';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { temporaryFolder } from '../../support/paths';

test('a cut file is reported once, with what to do', async () => {
  const folder = temporaryFolder();
  const nodes = Array.from({ length: 40 }, (_, i) =>
    node('Relu', [i === 0 ? 'x' : `v${i}`], [`v${i + 1}`], { name: `relu_${i}` }),
  );
  const whole = join(folder, 'whole.onnx');
  await writeModel(
    model(
      graph({
        name: 'g',
        nodes,
        inputs: [valueInfo('x', DataType.FLOAT, [1])],
        outputs: [valueInfo('v40', DataType.FLOAT, [1])],
      }),
    ),
    whole,
    {},
    silentTask,
  );
  const cut = join(folder, 'cut.onnx');
  const bytes = readFileSync(whole);
  writeFileSync(cut, bytes.subarray(0, Math.floor(bytes.length / 2)));
  const { diagnostics } = await inspect(await readModel(cut, silentTask), {}, silentTask);
  assert.deepEqual(
    diagnostics.map(({ id }) => id),
    ['onnx/truncated', 'inspect/checks-left-out'],
  );
  assert.match(
    diagnostics[0]!.message,
    /^The file is cut off: it ends at byte \d+, but the field .* Copy or export it again \(byte \d+\)\.$/,
  );
});
