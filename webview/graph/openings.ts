// Changes to what is open, and what is open in words that outlive a changed file: paths of names.

import { GroupKind, type ModelTable } from './modelTable';
import { callOfGroup } from './openCall';
import { membersOf, scopeOfRow, type Opening } from './table';

/** What is open, kept with the tab. */
export interface OpeningPaths {
  flat: boolean;
  open: string[];
  steps: [string, number][];
}

const mostKept = 2000;

function pathOf(model: ModelTable, group: number): string {
  const parts: string[] = [];
  for (let g = group; g >= 0; g = model.groupParent[g]!) {
    parts.push(ownName(model, g));
  }
  return parts.reverse().join('\n');
}

/** Name of a scope among those around it; a call has its path, as functions are called again and again. */
const ownName = (model: ModelTable, g: number): string =>
  callOfGroup(model, g)?.path ??
  `${model.groupKind[g] === GroupKind.repeat ? '*' : ''}${model.name[model.rows + g]!}`;

export function openingPaths(model: ModelTable, opening: Opening): OpeningPaths {
  return {
    flat: opening.flat,
    open: [...opening.open].slice(0, mostKept).map((g) => pathOf(model, g)),
    steps: [...opening.steps].map(([g, step]) => [pathOf(model, g), step]),
  };
}

/** Reads kept paths; anything that does not look like them is ignored. */
export function readOpeningPaths(value: unknown): OpeningPaths | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { flat, open, steps } = value as Partial<OpeningPaths>;
  if (typeof flat !== 'boolean' || !Array.isArray(open) || !Array.isArray(steps)) return undefined;
  return {
    flat,
    open: open.filter((path) => typeof path === 'string'),
    steps: steps.filter(([path, step]) => typeof path === 'string' && Number.isInteger(step)),
  };
}

/** The opening that paths mean in a model; what is not there is left out. Undefined without paths. */
export function keptOpening(model: ModelTable, paths: OpeningPaths | undefined): Opening | undefined {
  if (paths === undefined) return undefined;
  const wanted = new Set(paths.open);
  const open = new Set<number>();
  const stepOf = new Map(paths.steps);
  const steps = new Map<number, number>();
  const path = new Array<string>(model.groups);
  for (let g = 0; g < model.groups; g++) {
    const parent = model.groupParent[g]!;
    // Only what lies in something open can be open.
    if (parent >= 0 && !open.has(parent)) continue;
    const own = ownName(model, g);
    path[g] = parent < 0 ? own : `${path[parent]!}\n${own}`;
    if (!wanted.has(path[g]!)) continue;
    open.add(g);
    const step = stepOf.get(path[g]!);
    if (step !== undefined) steps.set(g, step);
  }
  return { flat: paths.flat, open, steps };
}

export function toggled(model: ModelTable, opening: Opening, scope: number): Opening {
  const open = new Set(opening.open);
  if (!open.delete(scope)) open.add(scope);
  // In one plane functions open and close, and everything else stays there.
  const flat = opening.flat && model.groupKind[scope] === GroupKind.call;
  return { ...opening, flat, open };
}

/** The opening in which the repeat at or around a row shows its next or previous member, as open as this one. */
export function stepTo(
  model: ModelTable,
  opening: Opening,
  row: number,
  by: 1 | -1,
): { opening: Opening; repeat: number } | undefined {
  const own = scopeOfRow(model, row);
  let repeat = own >= 0 ? own : (model.group[row] ?? -1);
  while (repeat >= 0 && model.groupKind[repeat] !== GroupKind.repeat) repeat = model.groupParent[repeat]!;
  if (repeat < 0) return undefined;
  const members = membersOf(model, repeat);
  const from = opening.steps.get(repeat) ?? 0;
  const to = Math.min(members.length - 1, Math.max(0, from + by));
  const open = new Set(opening.open).add(repeat);
  // Members are equal, so that the scopes inside them have equal distances.
  const shift = members[to]! - members[from]!;
  const end = members[from + 1] ?? members[from]! + (members[from]! - (members[from - 1] ?? members[from]!));
  for (const g of opening.open) if (g >= members[from]! && g < end) open.add(g + shift);
  return { opening: { flat: false, open, steps: new Map(opening.steps).set(repeat, to) }, repeat };
}
