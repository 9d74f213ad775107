// Energy of the processor packages, where Linux lets us read it (RAPL, by default root only). Nothing else is
// read: what else draws from the package during a block is in the figure too.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface EnergyMeter {
  /** Microjoules since the meter was opened. */
  read(): number;
}

interface Zone {
  readonly file: string;
  /** The counter begins again after this many microjoules. */
  readonly range: number;
  last: number;
}

/** What the meter measures, or why there is none, in a sentence. `root` stands before /sys, for tests. */
export function energyText(root = ''): string {
  if (openEnergyMeter(root) !== undefined) return 'Energy is that of the processor packages (RAPL).';
  if (packagesOf(root).length === 0)
    return 'Energy was not measured: this machine shows no counters of it (RAPL in /sys/class/powercap).';
  return 'Energy was not measured: its counters (RAPL in /sys/class/powercap) may not be read by this user. By default only root may.';
}

/** Zones of whole packages: cores and memory (`intel-rapl:0:0`) are parts of them. */
function packagesOf(root: string): string[] {
  try {
    return readdirSync(join(root, '/sys/class/powercap')).filter((entry) => /^intel-rapl:\d+$/.test(entry));
  } catch {
    return [];
  }
}

/** Opens the meter; undefined where there is none or it may not be read. `root` stands before /sys, for tests. */
export function openEnergyMeter(root = ''): EnergyMeter | undefined {
  const base = join(root, '/sys/class/powercap');
  const zones: Zone[] = [];
  try {
    for (const name of packagesOf(root)) {
      if (!readFileSync(join(base, name, 'name'), 'utf8').startsWith('package')) continue;
      const file = join(base, name, 'energy_uj');
      const range = Number(readFileSync(join(base, name, 'max_energy_range_uj'), 'utf8'));
      zones.push({ file, range, last: Number(readFileSync(file, 'utf8')) });
    }
  } catch {
    return undefined;
  }
  if (zones.length === 0) return undefined;
  let total = 0;
  return {
    read() {
      for (const zone of zones) {
        const now = Number(readFileSync(zone.file, 'utf8'));
        total += now >= zone.last ? now - zone.last : now + zone.range - zone.last;
        zone.last = now;
      }
      return total;
    },
  };
}
