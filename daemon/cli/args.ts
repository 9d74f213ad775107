// Options of the command line: declared once per command, parsed strictly, explained by --help.
// What is wrong about them is a UsageError, which ends with exit code 2; nothing here runs anything.

import { parseArgs } from 'node:util';

/** The command line itself is wrong. The message is a sentence for the user. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What the value is called in the help, `FILE`. */
  readonly value?: string;
  /** One sentence without its full stop. */
  readonly help: string;
}

export interface CommandSpec {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** After `slipway`, `inspect MODEL`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly positionals: { readonly min: number; readonly max: number; readonly what: string };
  readonly examples: readonly string[];
  /** Lines at the end of the explanation: a file that the command reads, say. */
  readonly notes?: readonly string[];
}

export interface ParsedArgs {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

const commonOptions: Readonly<Record<string, OptionSpec>> = {
  json: { type: 'boolean', help: 'Print one JSON document on standard output' },
  help: { type: 'boolean', short: 'h', help: 'Explain this command' },
};

/** Parses the arguments after the command's name. Throws UsageError. */
export function parseCommand(spec: CommandSpec, argv: readonly string[]): ParsedArgs {
  const options = { ...spec.options, ...commonOptions };
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, { type, short }]) => [name, short ? { type, short } : { type }]),
    ),
  });
  const flags = new Set<string>();
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!option) throw unknownOption(token.rawName, Object.keys(options));
    if (option.type === 'boolean') {
      if (token.value !== undefined) throw new UsageError(`--${token.name} takes no value.`);
      flags.add(token.name);
      continue;
    }
    const looksLikeOption = token.inlineValue === false && /^-[^\d.]/.test(token.value);
    if (token.value === undefined || token.value === '' || looksLikeOption)
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${option.value ?? 'VALUE'}.`);
    const given = values.get(token.name) ?? [];
    if (given.length > 0 && !option.multiple) throw new UsageError(`--${token.name} was given twice.`);
    values.set(token.name, [...given, token.value]);
  }
  if (!flags.has('help')) checkPositionals(spec, positionals);
  return { flags, values, positionals };
}

function checkPositionals(spec: CommandSpec, positionals: readonly string[]): void {
  const { min, max, what } = spec.positionals;
  if (positionals.length < min) throw new UsageError(`${what} is missing: slipway ${spec.usage}.`);
  const extra = positionals[max];
  if (extra !== undefined)
    throw new UsageError(`"${extra}" is one argument too many: slipway ${spec.usage}.`);
}

function unknownOption(rawName: string, known: readonly string[]): UsageError {
  const near = nearest(rawName.replace(/^-+/, ''), known);
  return new UsageError(
    `There is no option ${rawName}.${near === undefined ? '' : ` Did you mean --${near}?`}`,
  );
}

/** The known word that a mistyped one probably meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(word.length / 3));
  const ranked = known
    .map((name) => ({
      name,
      far: word.length > 1 && name.startsWith(word) ? 0.5 : editDistance(word, name),
    }))
    .sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best && best.far <= limit && best.far < word.length ? best.name : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}

/** The text of an option that is given at most once. */
export const textOption = (args: ParsedArgs, name: string): string | undefined =>
  args.values.get(name)?.at(-1);

/** An option that must be one of a few words. */
export function choiceOption<T extends string>(
  args: ParsedArgs,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = textOption(args, name);
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const near = nearest(text, choices);
  throw new UsageError(
    `--${name} is one of ${choices.join(', ')}; "${text}" was given.${near === undefined ? '' : ` Did you mean ${near}?`}`,
  );
}

/** A number within limits; whole when `whole`. */
export function numberOption(
  args: ParsedArgs,
  name: string,
  limits: { readonly min: number; readonly max: number; readonly whole?: boolean },
): number | undefined {
  const text = textOption(args, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  const good = text.trim() !== '' && value >= limits.min && value <= limits.max;
  if (good && (!limits.whole || Number.isInteger(value))) return value;
  const kind = limits.whole ? 'a whole number' : 'a number';
  const range =
    limits.max === Number.MAX_SAFE_INTEGER
      ? `of at least ${limits.min}`
      : `from ${limits.min} to ${limits.max}`;
  throw new UsageError(`--${name} takes ${kind} ${range}; "${text}" was given.`);
}

/** A whole number of at least one. */
export const countOption = (
  args: ParsedArgs,
  name: string,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined => numberOption(args, name, { min: 1, max, whole: true });

/** `--bind batch=1,seq=128` as numbers by name; undefined when not given. */
export function bindOption(args: ParsedArgs): Record<string, number> | undefined {
  const given = args.values.get('bind');
  if (!given) return undefined;
  const bound: Record<string, number> = {};
  for (const part of given.flatMap((text) => text.split(','))) {
    const match = /^\s*([^=]+?)\s*=\s*(\d+)\s*$/.exec(part);
    const value = Number(match?.[2]);
    if (!match?.[1] || !Number.isSafeInteger(value))
      throw new UsageError(`--bind takes NAME=NUMBER, as in --bind batch=1,seq=128; "${part}" was given.`);
    bound[match[1]] = value;
  }
  return bound;
}

export const bindSpec: OptionSpec = {
  type: 'string',
  multiple: true,
  value: 'NAME=N,…',
  help: 'Values of free dimensions; a batch that is not bound counts as 1',
};

/** The text of --help. */
export function helpText(spec: CommandSpec): string {
  const rows = Object.entries({ ...spec.options, ...commonOptions }).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    const value = option.type === 'boolean' ? '' : ` ${option.value ?? 'VALUE'}`;
    return [`  ${short}--${name}${value}`, option.help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    `Usage: slipway ${spec.usage} [options]`,
    '',
    `${spec.summary}.`,
    '',
    'Options:',
    ...rows.map(([left, right]) => `${left.padEnd(width)}${right}.`),
    '',
    spec.examples.length > 1 ? 'Examples:' : 'Example:',
    ...spec.examples.map((example) => `  ${example}`),
    ...(spec.notes === undefined ? [] : ['', ...spec.notes]),
    '',
  ].join('\n');
}
