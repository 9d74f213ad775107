// How much pruning is to remove, in one of the ways that the command line has for it, and caps of single groups.
// Whether a number makes sense is the recipe's to say.

import type { PruneGoal } from '../recipes/prune/pruneOptions';
import { textOption, UsageError, type ParsedArgs } from './args';

/** A number. */
export function share(args: ParsedArgs, name: string): number | undefined {
  const text = textOption(args, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value))
    throw new UsageError(`--${name} takes a number; "${text}" was given.`);
  return value;
}

const units: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 }; // prettier-ignore

/** How much is to go, in one of the ways to say it. */
export function goalOf(args: ParsedArgs): PruneGoal {
  const goals: PruneGoal[] = [];
  const add = (goal: PruneGoal | undefined) => goal && goals.push(goal);
  const [ratio, targetMacs] = [share(args, 'ratio'), share(args, 'target-macs')];
  add(ratio === undefined ? undefined : { ratio });
  add(targetMacs === undefined ? undefined : { targetMacs });
  add(measured(args, 'target-size', { share: (targetSize) => ({ targetSize }), in: (targetSize) => ({ targetSize }), units })); // prettier-ignore
  add(
    measured(args, 'target-latency', {
      share: (targetLatency) => ({ targetLatency }),
      in: (targetMs) => ({ targetMs }),
      units: { us: 1e-3, ms: 1, s: 1e3 },
    }),
  );
  const [goal] = goals;
  if (!goal || goals.length > 1)
    throw new UsageError(
      'Say how much in one way: --ratio 0.3, --target-macs 0.5, --target-size 0.5 or --target-latency 0.6.',
    );
  return goal;
}

/** A plain number is a share, one with a unit is measured in it. */
function measured(
  args: ParsedArgs,
  name: string,
  kinds: {
    readonly share: (value: number) => PruneGoal;
    readonly in: (value: number) => PruneGoal;
    readonly units: Readonly<Record<string, number>>;
  },
): PruneGoal | undefined {
  const text = textOption(args, name);
  if (text === undefined) return undefined;
  const match = /^\s*([\d.]+(?:e-?\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const value = Number(match?.[1]);
  const unit = match?.[2]?.toLowerCase() ?? '';
  if (match && Number.isFinite(value)) {
    if (unit === '') return kinds.share(value);
    const scale = kinds.units[unit];
    if (scale !== undefined) return kinds.in(value * scale);
  }
  throw new UsageError(
    `--${name} takes a share, as in 0.5, or a number with its unit (${Object.keys(kinds.units).join(', ')}); "${text}" was given.`,
  );
}

/** `--cap conv1=0.3` as shares by name. */
export function capsOption(args: ParsedArgs): Record<string, number> | undefined {
  const given = args.values.get('cap');
  if (!given) return undefined;
  return Object.fromEntries(
    given.map((text) => {
      const at = text.lastIndexOf('=');
      const value = Number(text.slice(at + 1));
      if (at < 1 || text.slice(at + 1).trim() === '' || Number.isNaN(value))
        throw new UsageError(`--cap takes NAME=R, as in --cap conv1=0.3; "${text}" was given.`);
      return [text.slice(0, at), value];
    }),
  );
}
