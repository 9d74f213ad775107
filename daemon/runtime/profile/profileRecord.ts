// What a profile's clocks take in or leave out: ONNX Runtime's own recording, since it stops a node's clock only after it
// has put the record together, and the call from JavaScript into a run and back. Both are measured on chains of nodes
// that do next to nothing, in the very processes that run the model, so that a profile's sum can be held against a
// plain run without having been fitted to it. In a real model recording takes longer than on such a chain, since the
// nodes push its code and memory out of the caches; by how much shows in the part of it that falls between the clocks.

import { join } from 'node:path';
import type { Task } from '../../base/task';
import { graph, model, node, valueInfo } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import { writeModel } from '../../onnx/writeModel';
import { readProfile } from './profileEvents';
import { undisturbedMean } from './profileRuns';
import type { Feeds, Runner } from '../runner/session';

/** Nodes of the longer chain. */
const length = 60;
const turns = 6;
const warm = 30;
/** For what takes a millisecond on a machine that is free; a bound for one that is not. */
const longestMs = 10_000;
/** Gaps that differ by more than this do so for another reason. */
const mostScale = 3;

export interface RecordCost {
  /** What recording adds to each call of a node, microseconds, at least 0. */
  readonly recordUs: number;
  /** What a call into ONNX Runtime and back takes without the nodes in it, microseconds. */
  readonly callUs: number;
}

/**
 * Measures both for nodes with so many inputs on average, that lie `gapUs` apart in their profile. `plain` and `profiled` are processes that run models
 * already.
 */
export async function measureRecord(
  runners: { readonly plain: Runner; readonly profiled: Runner },
  settings: { readonly inputs: number; readonly threads: number; readonly gapUs: number },
  folder: string,
  task: Task,
): Promise<RecordCost> {
  const { inputs, threads } = settings;
  const options = { threads, graphOptimization: 'disabled' } as const;
  const write = async (name: string, nodes: number) => {
    const path = join(folder, name);
    const silent = { signal: task.signal, report: () => undefined };
    await writeModel(chain(inputs, nodes), path, { overwrite: true }, silent);
    return path;
  };
  const path = await write('record.onnx', length);
  const plain = await runners.plain.load(path, options, task);
  const single = await runners.plain.load(await write('call.onnx', 1), options, task);
  const profilePrefix = join(folder, 'record');
  const profiled = await runners.profiled.load(path, { ...options, profilePrefix }, task);
  const feeds: Feeds = { x: { type: 'float32', dims: [4], data: new Float32Array(4) } };
  const cold = new Set<number>();
  const times: number[] = [];
  const singles: number[] = [];
  for (const session of [plain, single])
    await session.timeRuns(feeds, { runs: 10 * warm, maxMs: longestMs }, task);
  let done = 0;
  for (let turn = 0; turn < turns; turn++) {
    times.push(...(await plain.timeRuns(feeds, { runs: 60, maxMs: longestMs }, task)).slice(10));
    singles.push(...(await single.timeRuns(feeds, { runs: 120, maxMs: longestMs }, task)).slice(20));
    const ran = await profiled.timeRuns(feeds, { runs: warm, maxMs: longestMs }, task);
    // The first ones of each turn meet the other process's caches.
    for (let run = 0; run < Math.min(ran.length - 1, turn === 0 ? warm / 2 : 5); run++) cold.add(done + run);
    done += ran.length;
  }
  const { nodes, gapUs } = await readProfile(await profiled.endProfile(), cold, task);
  await Promise.all([plain.release(), single.release(), profiled.release()]);
  const recorded = nodes.reduce((sum, { meanUs }) => sum + meanUs, 0);
  const [wholeUs, oneUs] = [undisturbedMean(times) * 1000, undisturbedMean(singles) * 1000];
  // The single model is a call and one node; the chain tells what a node takes.
  const nodeUs = Math.max(0, (wholeUs - oneUs) / (length - 1));
  const colder = settings.gapUs / gapUs;
  const scale = Number.isFinite(colder) ? Math.min(mostScale, Math.max(1 / mostScale, colder)) : 1;
  return {
    recordUs: scale * Math.max(0, recorded / length - nodeUs),
    callUs: Math.max(0, oneUs - nodeUs),
  };
}

/** y = x + x + …, with so many terms, again and again. */
function chain(inputs: number, nodesWanted: number) {
  const terms = Math.max(1, Math.min(8, Math.round(inputs)));
  const nodes = Array.from({ length: nodesWanted }, (_, i) =>
    node(
      'Sum',
      new Array<string>(terms).fill(i === 0 ? 'x' : `v${i - 1}`),
      [i === nodesWanted - 1 ? 'y' : `v${i}`],
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
