// slipway inspect --attr: the nodes that have an attribute, as a list.

import { attributeText } from '../analysis/attributeText';
import { findByAttribute } from '../analysis/findByAttribute';
import type { Task } from '../base/task';
import type { Model } from '../ir/model';
import type { Outcome } from './command';
import { renderTable } from './table';

/** The nodes of the main graph that have an attribute, `group` or `group=1`. */
export async function nodesWith(model: Model, attribute: string, task: Task): Promise<Outcome> {
  const rows = await findByAttribute(model, undefined, attribute, task);
  const nodes = rows.map((row) => {
    const { name, opType, attributes } = model.graph.nodes[row]!;
    return {
      row,
      name,
      op: opType,
      attributes: Object.fromEntries(attributes.map((each) => [each.name, attributeText(each)])),
    };
  });
  const columns = [
    { title: 'Row', align: 'right' as const },
    { title: 'Node' },
    { title: 'Operator' },
    { title: 'Attributes' },
  ];
  const lines = nodes.map(({ row, name, op, attributes }) => [
    String(row),
    name === '' ? 'unnamed' : name,
    op,
    Object.entries(attributes)
      .map(([key, value]) => `${key}=${value}`)
      .join('  '),
  ]);
  return {
    result: { attribute, nodes },
    text: nodes.length === 0 ? `No node has ${attribute}.` : renderTable(columns, lines),
  };
}
