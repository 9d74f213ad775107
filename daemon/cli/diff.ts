// slipway diff: what changed from one model to another.

import { diffReport } from '../analysis/diff/report';
import type { DiffNode, DiffReport } from '../protocol/diff';
import { diff } from '../recipes/diff';
import type { Command } from './command';
import { modelToRead } from './modelToRead';
import { count } from './format';

/** Lines of one kind that are printed in full; --json has them all. */
const mostLines = 20;

export const diffCommand: Command = {
  spec: {
    name: 'diff',
    summary: 'Says what changed from one model to another, by structure and not by name',
    usage: 'diff A B',
    options: {
      all: { type: 'boolean', help: `Print every change, not the first ${mostLines} of each kind` },
      check: { type: 'boolean', help: 'End with code 1 when the models differ' },
    },
    positionals: { min: 2, max: 2, what: 'The second model' },
    examples: ['slipway diff resnet.onnx resnet.int8.onnx', 'slipway diff old.onnx new.onnx --json'],
  },
  async run(args, { task }) {
    const [pathA = '', pathB = ''] = args.positionals;
    const a = await modelToRead(pathA, task);
    const b = await modelToRead(pathB, task);
    const report: DiffReport = diffReport(await diff(a, b, task));
    const result = { a: pathA, b: pathB, ...report };
    const failed = args.flags.has('check') && !report.same ? { failed: 'The models differ.' } : {};
    return { result, text: describe(report, args.flags.has('all') ? Infinity : mostLines), ...failed };
  },
};

function describe(report: DiffReport, most: number): string {
  const { nodes, initializers, io, model } = report;
  const lines: string[] = [];
  const section = (title: string, entries: readonly string[], total = entries.length) => {
    if (entries.length === 0) return;
    lines.push('', `${title} (${count(total)})`, ...entries.slice(0, most).map((each) => `  ${each}`));
    if (entries.length > most) lines.push(`  … ${count(entries.length - most)} more: --all or --json`);
  };
  section(
    'Model',
    model.map(({ words }) => words),
  );
  section(
    'Inputs',
    io.inputs.map(({ words }) => words),
  );
  section(
    'Outputs',
    io.outputs.map(({ words }) => words),
  );
  section(
    'Fused, folded and rewritten',
    nodes.replaced.map(
      ({ how, from, to, into, constant }) =>
        `${list(from)} → ${constant !== undefined ? `constant ${constant}` : into ? name(into) : list(to)}  (${how})`,
    ),
  );
  section('Removed', nodes.removed.map(name));
  section('Added', byOperator(nodes.added), nodes.added.length);
  section(
    'Changed',
    nodes.changed.map(({ b, attributes, weights, inputs }) => {
      const what = [...attributes, ...weights, ...inputs].map(({ words }) => words);
      return `${name(b)}: ${what.join('; ')}`;
    }),
  );
  section(
    'Initializers removed',
    initializers.removed.map((each) => `${each.name}: ${each.type}`),
  );
  section(
    'Initializers added',
    initializers.added.map((each) => `${each.name}: ${each.type}`),
  );
  return [report.summary, ...lines].join('\n');
}

const name = ({ scope, name: own, op }: DiffNode) => `${op} ${own}${scope === '' ? '' : ` in ${scope}`}`;

const list = (all: readonly DiffNode[]) => {
  const shown = all.slice(0, 4).map(name).join(', ');
  return all.length > 4 ? `${shown} and ${all.length - 4} more` : shown;
};

/** Many added nodes of one operator in one line each: what compression puts in. */
function byOperator(all: readonly DiffNode[]): string[] {
  const groups = new Map<string, DiffNode[]>();
  for (const each of all) groups.set(each.op, [...(groups.get(each.op) ?? []), each]);
  return [...groups.values()].flatMap((group) =>
    group.length > 6 ? [`${count(group.length)} × ${group[0]!.op}`] : group.map(name),
  );
}
