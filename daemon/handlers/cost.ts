// Counts what a model costs.

import { breathing } from '../base/task';
import { GetCost } from '../protocol/cost';
import { handler } from './handler';
import { modelOf } from './inspect';

export const cost = handler(GetCost, async ({ uri, revision, bind, overlays, csv }, task, { workspace }) => {
  const opened = await workspace.models.get(uri, revision, task);
  const model = modelOf(opened);
  const { costReporting } = await import('../analysis/cost/costReport');
  const { writingCsv } = await import('../analysis/cost/costCsv');
  const { overlayingCost } = await import('../analysis/cost/costOverlay');
  const { symbolicCosting } = await import('../analysis/cost/cost');
  const counted = await opened.countedShapes(task, bind);
  const report = await breathing(costReporting(model, bind ? { bind } : {}, counted), task);
  const free = (await opened.shapes(task))!;
  const { assumed, nodes, ops, scopes } = report;
  const tables = { node: nodes, op: ops, scope: scopes };
  return {
    assumed,
    nodes: [...nodes],
    ops: [...ops],
    scopes: [...scopes],
    symbolic: await breathing(symbolicCosting(free), task),
    ...(csv === undefined ? {} : { csv: `${await breathing(writingCsv(tables[csv]), task)}\n` }),
    overlays: overlays === true ? await breathing(overlayingCost(report), task) : [],
  };
});
