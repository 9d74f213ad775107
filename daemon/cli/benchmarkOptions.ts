// Options that measuring commands share: devices, and lists of numbers for sweeps.

import { deviceNames, type DeviceName } from '../runtime/runner/session';
import { nearest, textOption, UsageError, type ParsedArgs } from './args';

/** `--device cpu,cuda` as names; `directml` is accepted for `dml`. Undefined when not given. */
export function deviceOption(args: ParsedArgs): DeviceName[] | undefined {
  const text = textOption(args, 'device');
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => {
    const asked = name.trim() === 'directml' ? 'dml' : name.trim();
    const found = deviceNames.find((device) => device === asked);
    if (found !== undefined) return found;
    const near = nearest(asked, deviceNames);
    throw new UsageError(
      `--device is one of ${deviceNames.join(', ')}; "${asked}" was given.${near === undefined ? '' : ` Did you mean ${near}?`}`,
    );
  });
  return [...new Set(names)];
}

/** `--threads 1,2`, or `auto` for as many as the machine allows. */
export const threadsOption = (args: ParsedArgs): { threadSweep?: number[]; sweepThreads?: true } => {
  if (textOption(args, 'threads')?.trim() === 'auto') return { sweepThreads: true };
  const threadSweep = countsOption(args, 'threads', 1024);
  return threadSweep ? { threadSweep } : {};
};

/** `--batch 1,2,4` as whole numbers of at least one, each once. Undefined when not given. */
export function countsOption(args: ParsedArgs, name: string, max: number): number[] | undefined {
  const text = textOption(args, name);
  if (text === undefined) return undefined;
  const numbers = text.split(',').map((part) => {
    const value = Number(part);
    if (part.trim() === '' || !Number.isInteger(value) || value < 1 || value > max)
      throw new UsageError(
        `--${name} takes whole numbers from 1 to ${max}, with commas between them; "${text}" was given.`,
      );
    return value;
  });
  return [...new Set(numbers)];
}
