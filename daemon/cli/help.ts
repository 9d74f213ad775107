// The list of commands.

import { version } from '../host/version';
import type { CommandSpec } from './args';

/** What `slipway help` prints. */
export async function generalHelp(
  commands: Readonly<Record<string, () => Promise<{ readonly spec: CommandSpec }>>>,
): Promise<string> {
  const specs = await Promise.all(Object.values(commands).map(async (load) => (await load()).spec));
  const width = Math.max(...specs.map((spec) => spec.name.length)) + 2;
  return [
    `slipway ${version}: takes an ONNX model from file to running service.`,
    '',
    'Usage: slipway COMMAND … [--json]',
    '',
    ...specs.map((spec) => `  ${spec.name.padEnd(width)}${spec.summary}.`),
    '',
    'slipway COMMAND --help explains a command. With --json a command prints one JSON document.',
    'Exit code: 0 done, 1 the work failed or a gate did not hold, 2 wrong usage.',
    '',
  ].join('\n');
}
