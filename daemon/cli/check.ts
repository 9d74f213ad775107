// slipway check: what is wrong with models or could be better, for a terminal and for CI.

import { families, findRule, ruleIds } from '../analysis/checks/rules';
import { unknownRules, type Severities } from '../analysis/checks/severity';
import { type Diagnostic, type Severity } from '../base/diagnostic';
import { readBinaryOrText } from '../onnx/text/readText';
import { checkAll } from '../recipes/check';
import { choiceOption, nearest, textOption, UsageError, type ParsedArgs } from './args';
import type { Command, Outcome } from './command';
import { diagnosticLine } from './diagnosticLine';
import { plural } from './format';
import { sarifOf } from './sarif';

const levels = ['off', 'info', 'warning', 'error'] as const;
const rank: Readonly<Record<Severity, number>> = { info: 1, warning: 2, error: 3 };

interface FileResult {
  readonly file: string;
  readonly errors: number;
  readonly warnings: number;
  readonly infos: number;
}

export const checkCommand: Command = {
  spec: {
    name: 'check',
    summary: 'Says what is wrong with models and what could be better, without running them',
    usage: 'check MODEL…',
    options: {
      rule: {
        type: 'string',
        multiple: true,
        value: 'RULE=LEVEL',
        help: 'Severity of a rule, a family or all: off, info, warning, error',
      },
      'fail-on': {
        type: 'string',
        value: 'LEVEL',
        help: 'Exit with 1 when something of this severity is found: info, warning, error or never (error)',
      },
      'no-weights': {
        type: 'boolean',
        help: 'Do not read the weights, which makes it quick for large files',
      },
      format: {
        type: 'string',
        value: 'FORMAT',
        help: 'What to print: text, or sarif for code scanning (text)',
      },
      explain: { type: 'string', value: 'RULE', help: 'Explain a rule instead of checking' },
    },
    positionals: { min: 0, max: Infinity, what: 'A model' },
    examples: [
      'slipway check resnet.onnx',
      'slipway check models/*.onnx --rule performance=off --fail-on warning --json',
      'slipway check --explain quantization/scale',
    ],
  },
  async run(args, { task }) {
    const asked = textOption(args, 'explain');
    if (asked !== undefined) return explain(asked);
    const rules = rulesOption(args);
    const format = choiceOption(args, 'format', ['text', 'sarif']) ?? 'text';
    const failOn = choiceOption(args, 'fail-on', ['info', 'warning', 'error', 'never']) ?? 'error';
    if (args.positionals.length === 0) throw new UsageError('A model is missing: slipway check MODEL….');
    const found: (Diagnostic & { file: string })[] = [];
    const files: FileResult[] = [];
    for (const file of args.positionals) {
      const diagnostics = await checkAll(
        await readBinaryOrText(file, task),
        { rules, weights: !args.flags.has('no-weights') },
        task,
      );
      for (const each of diagnostics) found.push({ file, ...each });
      const count = (severity: Severity) => diagnostics.filter((each) => each.severity === severity).length;
      files.push({ file, errors: count('error'), warnings: count('warning'), infos: count('info') });
    }
    const failing = found.filter(
      ({ severity }) => failOn !== 'never' && rank[severity] >= rank[failOn],
    ).length;
    return {
      result: { files, diagnostics: found },
      text: format === 'sarif' ? JSON.stringify(sarifOf(found), null, 2) : textOf(files, found),
      ...(failing > 0 ? { failed: `${plural(failing, 'finding')} of severity ${failOn} or worse.` } : {}),
    };
  },
};

/** `--rule ID=LEVEL`, also several in one, separated by commas. */
function rulesOption(args: ParsedArgs): Severities {
  const wanted: Record<string, (typeof levels)[number]> = {};
  for (const part of (args.values.get('rule') ?? []).flatMap((text) => text.split(','))) {
    const [name = '', level = ''] = part.split('=').map((each) => each.trim());
    const known = levels.find((each) => each === level);
    if (!known || name === '')
      throw new UsageError(`--rule takes RULE=LEVEL with ${levels.join(', ')}; "${part}" was given.`);
    wanted[name] = known;
  }
  const [unknown] = unknownRules(wanted);
  if (unknown !== undefined) throw noRule(unknown);
  return wanted;
}

function noRule(name: string): UsageError {
  const near = nearest(name, [...ruleIds, ...Object.keys(families)]);
  return new UsageError(
    `There is no rule or family "${name}".${near === undefined ? '' : ` Did you mean ${near}?`} docs/checks.md lists them.`,
  );
}

function explain(id: string): Outcome {
  const rule = findRule(id);
  if (!rule) throw noRule(id);
  const { family, severity, title, why, fix } = rule;
  return {
    result: { id, ...rule },
    text: `${id}: ${title} (${family}, ${severity}).\n\n${why}\n${fix}`,
  };
}

function textOf(files: readonly FileResult[], found: readonly (Diagnostic & { file: string })[]): string {
  const blocks = files.map(({ file, errors, warnings, infos }) => {
    const lines = found.filter((each) => each.file === file).map(diagnosticLine);
    const counts = [
      ...(errors > 0 ? [plural(errors, 'error')] : []),
      ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
      ...(infos > 0 ? [plural(infos, 'hint')] : []),
    ];
    return [`${file}: ${counts.join(', ') || 'nothing to say'}`, ...lines.map((line) => `  ${line}`)].join(
      '\n',
    );
  });
  return blocks.join('\n\n');
}
