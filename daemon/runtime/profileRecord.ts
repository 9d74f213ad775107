// What ONNX Runtime's own recording adds to the time of a node: it stops the node's clock only after it has put the
// record together. Measured on a chain of nodes that do next to nothing, in the very processes that run the
// model, so that a profile's sum can be held against a plain run without having been fitted to it.

import { join } from 'node:path';
import type { Task } from '../base/task';
import { graph, model, node, valueInfo } from '../ir/builder';
import { DataType } from '../ir/dataType';
import { writeModel } from '../onnx/writeModel';
import { readProfile, trimmedMean } from './profileEvents';
import type { Feeds, Runner } from './session';
import { ascending } from './statistics';

/** Nodes of the chain; the call into ONNX Runtime is spread over them. */
const length = 60;
const turns = 6;
const warm = 30;

/**
 * Microseconds that recording adds to each call of a node with so many inputs, at least 0. `plain` and `profiled`
 * are processes that run models already; `callUs` is what a call costs outside of ONNX Runtime's clock.
 */
export async function measureRecord(
  runners: { readonly plain: Runner; readonly profiled: Runner },
  settings: { readonly inputs: number; readonly threads: number; readonly callUs: number },
  folder: string,
  task: Task,
): Promise<number> {
  const { inputs, threads, callUs } = settings;
  const path = join(folder, 'record.onnx');
  await writeModel(
    chain(inputs),
    path,
    { overwrite: true },
    { signal: task.signal, report: () => undefined },
  );
  const options = { threads, graphOptimization: 'disabled' } as const;
  const plain = await runners.plain.load(path, options, task);
  const profilePrefix = join(folder, 'record');
  const profiled = await runners.profiled.load(path, { ...options, profilePrefix }, task);
  const feeds: Feeds = { x: { type: 'float32', dims: [4], data: new Float32Array(4) } };
  const cold = new Set<number>();
  const times: number[] = [];
  await plain.timeRuns(feeds, { runs: 10 * warm, maxMs: 200 }, task);
  let done = 0;
  for (let turn = 0; turn < turns; turn++) {
    times.push(...(await plain.timeRuns(feeds, { runs: 60, maxMs: 100 }, task)).slice(10));
    const ran = await profiled.timeRuns(feeds, { runs: warm, maxMs: 100 }, task);
    // The first ones of each turn meet the other process's caches.
    for (let run = 0; run < (turn === 0 ? warm / 2 : 5); run++) cold.add(done + run);
    done += ran.length;
  }
  const { nodes } = await readProfile(await profiled.endProfile(), cold, task);
  await Promise.all([plain.release(), profiled.release()]);
  const recorded = nodes.reduce((sum, { meanUs }) => sum + meanUs, 0);
  const inside = Math.max(0, trimmedMean(ascending(times)) * 1000 - callUs);
  return Math.max(0, (recorded - inside) / length);
}

/** y = x + x + …, with so many terms, again and again. */
function chain(inputs: number) {
  const terms = Math.max(1, Math.min(8, Math.round(inputs)));
  const nodes = Array.from({ length }, (_, i) =>
    node(
      'Sum',
      new Array<string>(terms).fill(i === 0 ? 'x' : `v${i - 1}`),
      [i === length - 1 ? 'y' : `v${i}`],
      {
        // Names are part of the record; these are about as long as usual.
        name: `/layers.${i}/attention/self/query/Sum`,
      },
    ),
  );
  return model(
    graph({
      nodes,
      inputs: [valueInfo('x', DataType.FLOAT, [4])],
      outputs: [valueInfo('y', DataType.FLOAT, [4])],
    }),
  );
}
