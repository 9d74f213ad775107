// slipway profile: where the time of a model goes.

import { basename } from 'node:path';
import type { Task } from '../base/task';
import { writeAtomically } from '../host/files';
import { inputsFrom } from '../recipes/benchmarkData';
import { profile, type ProfileResult } from '../runtime/profile/profile';
import { traceOf } from '../runtime/profile/profileFlame';
import type { ProfilePart } from '../runtime/profile/profileParts';
import { bindOption, bindSpec, countOption, numberOption, textOption } from './args';
import { deviceOption } from './benchmarkOptions';
import type { Command } from './command';
import { plural, significant } from './format';
import { absolute, historyOption, inHistory, uriOf } from './inHistory';
import { renderTable } from './table';

export const profileCommand: Command = {
  spec: {
    name: 'profile',
    summary: 'Measures where the time of a model goes: by node, operator, provider and scope',
    usage: 'profile MODEL',
    options: {
      against: { type: 'string', value: 'MODEL', help: 'A second model, profiled in turn with the first' },
      device: { type: 'string', value: 'DEVICE', help: 'Where to run; cpu when absent' },
      threads: { type: 'string', value: 'N', help: 'Threads inside an operator; 1 when absent' },
      batch: { type: 'string', value: 'N', help: 'Batch size; 1 when absent' },
      bind: bindSpec,
      data: {
        type: 'string',
        value: 'DATA',
        help: '.npz file with arrays named like the inputs; generated when absent',
      },
      'max-seconds': { type: 'string', value: 'S', help: 'Time for each model; 5 when absent' },
      trace: {
        type: 'string',
        value: 'FILE',
        help: 'Also write the flame chart as a trace that Perfetto and speedscope open',
      },
      top: { type: 'string', value: 'N', help: 'Nodes in the table; 15 when absent' },
      ...historyOption,
    },
    positionals: { min: 1, max: 1, what: 'The model' },
    examples: [
      'slipway profile resnet.onnx',
      'slipway profile resnet.int8.onnx --against resnet.onnx --json',
      'slipway profile bert.onnx --bind seq=128 --trace bert.trace.json',
    ],
  },
  async run(args, context) {
    const [path = ''] = args.positionals;
    const against = textOption(args, 'against');
    const data = textOption(args, 'data');
    const options = {
      device: deviceOption(args)?.[0],
      threads: countOption(args, 'threads', 1024),
      batch: countOption(args, 'batch'),
      bind: bindOption(args),
      maxSeconds: numberOption(args, 'max-seconds', { min: 0.1, max: 86_400 }),
    };
    const job = {
      method: 'slipway/profile',
      what: 'Profile of',
      models: [
        { role: 'model' as const, path },
        { role: 'against' as const, path: against },
      ],
      params: {
        uri: uriOf(path),
        against: against === undefined ? undefined : uriOf(against),
        ...options,
        data: absolute(data),
      },
    };
    const result = await inHistory(args, context, job, (task) =>
      profile(path, against, { ...options, inputs: inputsFrom(data) }, task),
    );
    const { task } = context;
    const trace = textOption(args, 'trace');
    if (trace !== undefined) await writeTrace(trace, result, task);
    return { result, text: describe(result, countOption(args, 'top') ?? 15) };
  },
};

async function writeTrace(file: string, { flame, nodes }: ProfileResult, task: Task): Promise<void> {
  const text = JSON.stringify(traceOf(flame, nodes));
  await writeAtomically(file, { overwrite: true }, (out) => out.append(Buffer.from(text)), task);
}

const us = (value: number) => `${significant(value)} µs`;
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const right = 'right' as const;

function describe(result: ProfileResult, top: number): string {
  const { nodes, byOp, byProvider, difference, against } = result;
  const slowest = [...nodes].sort((a, b) => b.meanUs - a.meanUs).slice(0, top);
  const lines = [
    `${basename(result.model)}: ${us(result.runUs)} a run, of which ${us(result.sumUs)} in ${plural(nodes.length, 'node')} and ${us(result.betweenUs)} between them (${plural(result.runs, 'profiled run')}; profiling added ${percent(result.overhead)}${result.slowdown > 1.005 ? ` and slowed the nodes by ${percent(result.slowdown - 1)}, which is taken off` : ''})`,
    `${result.device}, ${plural(result.threads, 'thread')}, batch ${result.batch}`,
    ...result.warnings,
    '',
    renderTable(
      [
        { title: 'Node' },
        { title: 'Operator' },
        { title: 'Provider' },
        { title: 'Time', align: right },
        { title: 'Share', align: right },
      ],
      slowest.map(({ name, op, provider, meanUs, share }) => [
        name,
        op,
        provider,
        us(meanUs),
        percent(share),
      ]),
    ),
    '',
    partTable('Operator', byOp),
    '',
    partTable('Provider', byProvider),
    ...rooflineLines(result, top),
  ];
  if (difference && against) {
    lines.push(
      '',
      `Against ${basename(against.model)} (${us(against.runUs)} a run, ${significant(difference.runRatio)} times as long)`,
      '',
      renderTable(
        [
          { title: 'Operator' },
          ...['Time', 'Against', 'Difference'].map((title) => ({ title, align: right })),
        ],
        difference.byOp
          .slice(0, top)
          .map((row) => [row.name, us(row.meanUs), us(row.againstUs), us(row.differenceUs)]),
      ),
    );
  }
  return lines.join('\n');
}

/** What the machine allows, and the nodes that lose the most time against it. */
function rooflineLines({ roofline, nodes }: ProfileResult, top: number): string[] {
  if (!roofline) return [];
  const roofs = [
    ...roofline.compute.map(({ name, gops }) => `${significant(gops)} Gop/s (${name})`),
    ...roofline.bandwidth.map(({ name, gbPerS }) => `${significant(gbPerS)} GB/s (${name})`),
  ];
  const lost = roofline.points
    .map((point) => {
      const share = Math.min(1, point.gops / point.attainableGops);
      return { ...point, share, lostUs: nodes[point.node]!.meanUs * (1 - share) };
    })
    .sort((a, b) => b.lostUs - a.lostUs)
    .slice(0, top);
  return [
    '',
    `Roofs: ${roofs.join(', ')}`,
    '',
    renderTable(
      [
        { title: 'Node' },
        { title: 'Operator' },
        ...['Op/byte', 'Gop/s', 'Of the roof', 'To gain'].map((title) => ({ title, align: right })),
        { title: 'Bound by' },
      ],
      lost.map(({ node, intensity, gops, share, lostUs, bound }) => [
        nodes[node]!.name,
        nodes[node]!.op,
        significant(intensity),
        significant(gops),
        percent(share),
        us(lostUs),
        bound,
      ]),
    ),
  ];
}

const partTable = (title: string, parts: readonly ProfilePart[]) =>
  renderTable(
    [{ title }, ...['Nodes', 'Time', 'Share'].map((name) => ({ title: name, align: right }))],
    parts.map(({ name, nodes, meanUs, share }) => [name, String(nodes), us(meanUs), percent(share)]),
  );
