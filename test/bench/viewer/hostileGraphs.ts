// Graphs that want to hurt: seconds until they are drawn or refused with a sentence, and whether the window still answers.

import { join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Graph, Model, Node } from '../../../daemon/ir/model';
import { writeModel } from '../../../daemon/onnx/writeModel';
import type { Pages } from '../../support/webPage';
import type { BenchRow } from '../row';
import { listed, quantile, row } from './figures';
import { openPage } from './openPage';

const runs = 3;
const value = (name: string) => valueInfo(name, DataType.FLOAT, [4]);

/** Each operator reads all before it. */
function millionEdges(): Model {
  const before = ['x'];
  const nodes: Node[] = [];
  for (let i = 0; i < 1414; i++) {
    nodes.push(node('Sum', [...before], [`v${i}`], { name: `sum_${i}` }));
    before.push(`v${i}`);
  }
  return model(graph({ nodes, inputs: [value('x')], outputs: [value('v1413')] }));
}

function cycles(): Model {
  const ring = Array.from({ length: 5000 }, (_, i) =>
    node('Add', [`v${(i + 4999) % 5000}`, `v${(i + 17) % 5000}`], [`v${i}`], { name: `n${i}` }),
  );
  return model(graph({ nodes: ring, outputs: [value('v0')] }));
}

function longNames(): Model {
  const long = (i: number) => `${'a'.repeat(50_000)}/${'<b>\u0000\u202e'.repeat(10_000)}${i}`;
  const nodes = Array.from({ length: 50 }, (_, i) =>
    node('Relu', [i === 0 ? 'x' : long(i - 1)], [long(i)], { name: long(i) }),
  );
  return model(graph({ nodes, inputs: [value('x')], outputs: [value(long(49))] }));
}

function nested(): Model {
  let inner: Graph = graph({ nodes: [node('Relu', ['x'], ['y'])], outputs: [value('y')] });
  for (let depth = 0; depth < 200; depth++) {
    const body = node('If', ['flag'], ['y'], { name: 'if', attributes: { then_branch: inner } });
    inner = graph({ nodes: [body], outputs: [value('y')] });
  }
  const inputs = [value('x'), valueInfo('flag', DataType.BOOL, [])];
  return model(graph({ nodes: inner.nodes, inputs, outputs: [value('y')] }));
}

const cases = {
  'a million edges': millionEdges,
  cycles,
  'names of 100 KB': longNames,
  'nested 200 deep': nested,
};

export async function hostileGraphs(pages: Pages, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [name, build] of Object.entries(cases)) {
    const path = join(folder, `${name.replaceAll(' ', '-')}.onnx`);
    await writeModel(build(), path, {}, silentTask);
    const seconds: number[] = [];
    let outcome = 'drawn';
    let slowest = 0;
    for (let run = 0; run < runs; run++) {
      const opened = await openPage(pages, folder, path);
      seconds.push(opened.seconds);
      if (opened.refusal !== undefined) outcome = `refused: "${opened.refusal.slice(0, 90)}…"`;
      // The window is alive when it goes on painting, whatever the daemon is at.
      const start = performance.now();
      await opened.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
      slowest = Math.max(slowest, performance.now() - start);
      await opened.close();
    }
    const detail = `${outcome}; median of ${runs}: ${listed(seconds)} s; the next frame within ${slowest.toFixed(0)} ms`;
    rows.push(row(`${name}: drawn or refused`, quantile(seconds, 0.5), 's', 1, detail));
  }
  return rows;
}
