#!/usr/bin/env node
// The `slipway` command: finds the command, runs it, prints what it gives, and turns errors into sentences and
// exit codes: 0 done, 1 the work failed or a gate did not hold, 2 wrong usage. Each command is a file beside
// this one and is loaded only when it is called.

import { messageOf, SlipwayError } from '../base/errors';
import type { Task } from '../base/task';
import { version } from '../host/version';
import { helpText, nearest, parseCommand, textOption, UsageError } from './args';
import type { Command, ForegroundCommand } from './command';
import { generalHelp } from './help';
import { progressBar } from './progressBar';

type Loaded = Command | ForegroundCommand;

const commands: Readonly<Record<string, () => Promise<Loaded>>> = {
  inspect: async () => (await import('./inspect')).inspectCommand,
  tensor: async () => (await import('./tensor')).tensorCommand,
  operator: async () => (await import('./operator')).operatorCommand,
  text: async () => (await import('./text')).textCommand,
  extract: async () => (await import('./extract')).extractCommand,
  check: async () => (await import('./check')).checkCommand,
  diff: async () => (await import('./diff')).diffCommand,
  optimize: async () => (await import('./optimize')).optimizeCommand,
  quantize: async () => (await import('./quantize')).quantizeCommand,
  prune: async () => (await import('./prune')).pruneCommand,
  cluster: async () => (await import('./cluster')).clusterCommand,
  'low-rank': async () => (await import('./lowRank')).lowRankCommand,
  sensitivity: async () => (await import('./sensitivity')).sensitivityCommand,
  profile: async () => (await import('./profile')).profileCommand,
  overlay: async () => (await import('./overlay')).overlayCommand,
  devices: async () => (await import('./devices')).devicesCommand,
  benchmark: async () => (await import('./benchmark')).benchmarkCommand,
  evaluate: async () => (await import('./evaluate')).evaluateCommand,
  run: async () => (await import('./run')).runCommand,
  history: async () => (await import('./history')).historyCommand,
  compress: async () => (await import('./compress')).compressCommand,
  serve: async () => (await import('./serve')).serveCommand,
  daemon: async () => (await import('./daemon')).daemonCommand,
};

const bar = progressBar(process.stderr);

const print = (text: string) =>
  new Promise<void>((resolve) => {
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`, () => resolve());
  });
const say = (message: string) => {
  bar.clear();
  process.stderr.write(`${message}\n`);
};

async function main(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  if (first === '--version' || first === '-v' || first === 'version') {
    await print(version);
    return 0;
  }
  if (first === undefined) {
    process.stderr.write(await generalHelp(commands));
    return 2;
  }
  if (first === 'help' || first === '--help' || first === '-h') return help(rest[0]);
  const command = await load(first);
  return command ? run(command, rest) : 2;
}

async function load(name: string): Promise<Loaded | undefined> {
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (found) return found();
  const near = nearest(name, [...Object.keys(commands), 'help']);
  say(
    `There is no command "${name}".${near === undefined ? '' : ` Did you mean ${near}?`} slipway help lists the commands.`,
  );
  return undefined;
}

async function help(name: string | undefined): Promise<number> {
  if (name === undefined) {
    await print(await generalHelp(commands));
    return 0;
  }
  const command = await load(name);
  if (!command) return 2;
  await print(helpText(command.spec));
  return 0;
}

async function run(command: Loaded, argv: readonly string[]): Promise<number> {
  let json = argv.includes('--json');
  const stop = new AbortController();
  try {
    const args = parseCommand(command.spec, argv);
    json = args.flags.has('json');
    if (args.flags.has('help')) {
      await print(helpText(command.spec));
      return 0;
    }
    if ('runInForeground' in command) return await command.runInForeground(args, json);
    const task: Task = { signal: stop.signal, report: (progress) => bar.show(progress) };
    const signals = onStop(stop);
    if (command.oneProcess === true)
      await runHere([command.spec.name, ...argv], textOption(args, 'output'), signals);
    const outcome = await command.run(args, { task, json, note: say });
    bar.clear();
    await print(json ? JSON.stringify(outcome.result, null, 2) : outcome.text);
    if (outcome.failed !== undefined) say(outcome.failed);
    return outcome.failed === undefined ? 0 : 1;
  } catch (error) {
    bar.clear();
    return tell(stop.signal.aborted ? new SlipwayError('cancelled', 'Cancelled.') : error, json, command);
  }
}

/** Prints an error as a sentence, and as JSON when that was asked for; returns the exit code. */
async function tell(error: unknown, json: boolean, command: Loaded): Promise<number> {
  const usage = error instanceof UsageError;
  const expected = usage || error instanceof SlipwayError;
  const message = messageOf(error);
  if (json) {
    const kind = usage ? 'usage' : error instanceof SlipwayError ? error.kind : 'internalError';
    const data =
      error instanceof SlipwayError ? (error.data as { diagnostics?: unknown } | undefined) : undefined;
    const diagnostics = data?.diagnostics === undefined ? {} : { diagnostics: data.diagnostics };
    await print(JSON.stringify({ error: { kind, message, ...diagnostics } }, null, 2));
  }
  if (usage) say(`${message} slipway ${command.spec.name} --help explains the options.`);
  else if (expected) say(message);
  else say(`This is a bug in Slipway: ${error instanceof Error ? (error.stack ?? message) : message}`);
  return usage ? 2 : 1;
}

interface Signals {
  readonly take: () => void;
  readonly release: () => void;
}

/** The first signal cancels the work in order, the second ends at once; released, the system ends the process. */
function onStop(stop: AbortController): Signals {
  const ask = () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const signals: Signals = {
    take: () => names.forEach((name) => process.on(name, ask)),
    release: () => names.forEach((name) => process.off(name, ask)),
  };
  signals.take();
  return signals;
}

/** Lets a command run its models in this process, unless it came to no end there before. */
async function runHere(
  words: readonly string[],
  output: string | undefined,
  signals: Signals,
): Promise<void> {
  const { cameBefore, nativeHooks, unfinishedCommands } = await import('./nativeRuns');
  if (cameBefore(unfinishedCommands(), words)) {
    say(
      'This command ended within ONNX Runtime before: it was stopped there, or ONNX Runtime crashed. What it left is removed; this time models run in a process of their own, so that a crash is told.',
    );
    return;
  }
  const { setJobRunner } = await import('../runtime/runner/runnerProcess');
  const { startLocalRunner } = await import('../runtime/runner/localRunner');
  setJobRunner(() => startLocalRunner(nativeHooks(words, output, signals)));
}

// Whoever reads our output may have enough of it (`slipway inspect … | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.stderr.on('error', () => undefined);

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(
      `This is a bug in Slipway: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`,
    );
    process.exit(1);
  },
);
