// What pruning of channels can be told, and the sentence for what cannot be meant. Nothing is read here.

import { badRequest } from '../../base/errors';
import type { LockedLayer, Structure, Unit } from '../../passes/prune/channels/analyse';
import type { Importance } from '../../passes/prune/channels/importance';
import type { ReworkOptions } from '../reworkFile';

/** How much goes; exactly one of them. */
export interface PruneGoal {
  /** Share of the channels that goes, at least 0 and below 1. */
  readonly ratio?: number | undefined;
  /** Share of the multiply-accumulates that stays, above 0 and below 1. */
  readonly targetMacs?: number | undefined;
  /** Size of the file: below 1 the share that stays, else bytes. */
  readonly targetSize?: number | undefined;
  /** Share of the time of one run that stays, above 0 and below 1. */
  readonly targetLatency?: number | undefined;
  /** Time of one run, milliseconds. */
  readonly targetMs?: number | undefined;
}

export interface PruneOptions extends ReworkOptions, PruneGoal {
  /** The same share of every layer, or where it costs least; `layer` for a ratio without data, else `global`. */
  readonly scope?: 'global' | 'layer' | undefined;
  /** `error` when there is data, else `l2`. */
  readonly importance?: Importance | undefined;
  /** Refit the layers by least squares; when there is data, unless false. */
  readonly repair?: boolean | undefined;
  /** Widths are multiples of this where they can; the host's vector width when absent. */
  readonly align?: number | undefined;
  /** At most this share of one group; 0.8 when absent. */
  readonly most?: number | undefined;
  /** At most these shares of single groups, by the name of any of their layers. */
  readonly caps?: Readonly<Record<string, number>> | undefined;
  /** Threads that latency is measured with; 1 when absent. */
  readonly threads?: number | undefined;
}

/** Throws `badRequest` for options that cannot be meant. */
export function checkPruneOptions(options: PruneOptions): void {
  const { ratio, targetMacs, targetSize, targetLatency, targetMs, most, caps } = options;
  const goals = [ratio, targetMacs, targetSize, targetLatency, targetMs].filter((each) => each !== undefined);
  if (goals.length !== 1)
    throw badRequest(
      'Give one of these: the ratio of channels to remove, or the share of multiply-accumulates, the size or the latency to keep.',
    );
  if (ratio !== undefined && !(ratio >= 0 && ratio < 1))
    throw badRequest(`The ratio is the share of channels to remove, from 0 to below 1; ${ratio} was given.`);
  const share = (value: number | undefined, of: string) => {
    if (value !== undefined && !(value > 0 && value < 1))
      throw badRequest(`The target is the share of ${of} to keep, above 0 and below 1; ${value} was given.`);
  };
  share(targetMacs, 'multiply-accumulates');
  share(targetLatency, 'the time of a run');
  if (targetSize !== undefined && !(targetSize > 0 && targetSize < Number.POSITIVE_INFINITY))
    throw badRequest(
      `The size is the share of the file to keep, above 0 and below 1, or its bytes; ${targetSize} was given.`,
    );
  if (targetMs !== undefined && !(targetMs > 0 && targetMs < Number.POSITIVE_INFINITY))
    throw badRequest(`The latency is the time of one run in milliseconds, above 0; ${targetMs} was given.`);
  if (most !== undefined && !(most > 0 && most <= 1))
    throw badRequest(
      `The most that one group may lose is a share, above 0 and at most 1; ${most} was given.`,
    );
  for (const [name, cap] of Object.entries(caps ?? {}))
    if (!(cap >= 0 && cap <= 1))
      throw badRequest(`The cap of "${name}" is a share, from 0 to 1; ${cap} was given.`);
  checkData(options);
}

function checkData({ calibration, importance, repair }: PruneOptions): void {
  if (calibration !== undefined) return;
  if (importance === 'energy' || importance === 'error')
    throw badRequest(
      `The importance "${importance}" is measured on data. Name calibration data (.npz), or choose l1, l2 or bn-scale.`,
    );
  if (repair === true)
    throw badRequest(
      'Repair by least squares is fitted to data. Name calibration data (.npz); labels are not needed.',
    );
}

/** The caps by group. Throws `badRequest` for a name that no group has. */
export function capsOf(
  { units, locked }: Pick<Structure, 'units' | 'locked'>,
  { caps = {} }: Pick<PruneOptions, 'caps'>,
): Map<Unit, number> {
  const found = new Map<Unit, number>();
  for (const [name, cap] of Object.entries(caps)) {
    const own = units.find((unit) => unit.name === name) ?? units.find(({ layers }) => layers.includes(name));
    if (!own) throw badRequest(unknownGroup(name, units, locked));
    found.set(own, cap);
  }
  return found;
}

const namedAtOnce = 8;

function unknownGroup(name: string, units: readonly Unit[], locked: readonly LockedLayer[]): string {
  const layer = locked.find((each) => each.name === name);
  if (layer)
    return `"${name}" has no channels to cap: it is locked, because ${layer.reason}. Leave its cap out.`;
  const names = units.slice(0, namedAtOnce).map((unit) => `"${unit.name}"`);
  const more = units.length > namedAtOnce ? ` and ${units.length - namedAtOnce} more` : '';
  return `No group of channels is named "${name}". There are ${names.join(', ')}${more}.`;
}
