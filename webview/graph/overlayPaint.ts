// What an overlay means for the boxes that are drawn now: a value for each (a closed scope combines what it holds),
// its words, and its colour. Colour is never alone: the words stand on the box, in the tooltip and in the table.

import type { Overlay } from '../../daemon/protocol/overlay';
import { shortName } from '../../daemon/protocol/shortName';
import { mixColours, type Hue } from '../ui/palette';
import { inUnit } from '../ui/format';
import { elide } from '../ui/text';
import { detailFont } from './labels';
import { NodeKind, type ModelTable } from './modelTable';
import { shownRow, type GraphTable } from './table';
import type { Theme } from './theme';

/** Values of an overlay by row of the model. */
export interface RowValues {
  readonly overlay: Overlay;
  /** NaN where there is none. */
  readonly value: Float64Array;
  readonly category: readonly (string | undefined)[];
  readonly text: readonly (string | undefined)[];
  /** Entries whose node is not in this graph. */
  readonly unknown: number;
}

export interface LegendCategory {
  readonly name: string;
  readonly colour: string;
  readonly count: number;
}

export interface OverlayPaint {
  readonly overlay: Overlay;
  /** By drawn number; undefined where there is no value. */
  readonly fill: readonly (string | undefined)[];
  /** The same in full strength, for blocks seen from afar and the minimap. */
  readonly strong: readonly (string | undefined)[];
  readonly words: readonly string[];
  /** Width of the words in pixels. */
  readonly widths: Float32Array;
  /** Ends of the scale as drawn. */
  readonly least: number;
  readonly largest: number;
  /** Colours of the scale from least to largest. */
  readonly ramp: readonly string[];
  readonly categories: readonly LegendCategory[];
}

/** Finds the nodes of an overlay in a graph: by name, else as the maker of a value of that name. */
export function rowValues(overlay: Overlay, model: ModelTable): RowValues {
  const rowOf = new Map<string, number>();
  for (let e = model.source.length - 1; e >= 0; e--) {
    if (model.source[e]! < model.baseRows) rowOf.set(model.value[e]!, model.source[e]!);
  }
  // Names in functions are not those of the graph.
  for (let row = model.baseRows - 1; row >= 0; row--) {
    if (model.kind[row] === NodeKind.operator && model.name[row] !== '') rowOf.set(model.name[row]!, row);
  }
  const value = new Float64Array(model.rows).fill(NaN);
  const category = new Array<string | undefined>(model.rows);
  const text = new Array<string | undefined>(model.rows);
  let unknown = 0;
  for (const entry of overlay.entries) {
    const row = rowOf.get(shortName(entry.node));
    if (row === undefined || model.kind[row] !== NodeKind.operator) {
      unknown += 1;
      continue;
    }
    if (entry.value !== undefined) value[row] = entry.value;
    category[row] = entry.category;
    text[row] = entry.text;
  }
  return { overlay, value, category, text, unknown };
}

/** Steps of a colour scale: few enough that boxes of one colour are filled together. */
const steps = 24;

/** How much of a colour a box takes, so that the words on it stay legible. */
const strength = { light: 0.5, dark: 0.55 } as const;

export function paintOverlay(
  values: RowValues,
  table: GraphTable,
  theme: Theme,
  measure: (text: string, font: string) => number,
): OverlayPaint {
  const drawn = table.drawn.length;
  const font = detailFont(theme.fontFamily);
  const widths = new Map<string, number>();
  const widthOf = (words: string) => {
    let width = widths.get(words);
    if (width === undefined) widths.set(words, (width = words === '' ? 0 : measure(words, font)));
    return width;
  };
  const painted =
    values.overlay.kind === 'category'
      ? paintNames(values, table, theme)
      : paintNumbers(values, table, theme);
  return {
    overlay: values.overlay,
    ...painted,
    widths: Float32Array.from({ length: drawn }, (_, n) => widthOf(painted.words[n]!)),
  };
}

type Painted = Omit<OverlayPaint, 'overlay' | 'widths'>;

function paintNumbers({ overlay, value }: RowValues, table: GraphTable, theme: Theme): Painted {
  const combined = combine(overlay, value, table);
  let [least, largest] = [Infinity, -Infinity];
  for (const one of combined) {
    if (Number.isNaN(one)) continue;
    least = Math.min(least, one);
    largest = Math.max(largest, one);
  }
  if (least > largest) [least, largest] = [0, 0];
  const diverging = overlay.kind === 'diverging';
  if (diverging) {
    largest = Math.max(Math.abs(least), Math.abs(largest));
    least = -largest;
  } else if (least > 0 && least < largest / 2) least = 0;
  const hue: Hue = overlay.higherIs === 'worse' ? 'red' : overlay.higherIs === 'better' ? 'green' : 'blue';
  const against: Hue =
    overlay.higherIs === 'worse' ? 'green' : overlay.higherIs === 'better' ? 'red' : 'orange';
  const colourAt = (share: number, full: number): string => {
    if (!diverging) return mixColours(theme.boxFill, theme.hue[hue], share * full);
    const end = share < 0.5 ? against : hue;
    return mixColours(theme.boxFill, theme.hue[end], Math.abs(share - 0.5) * 2 * full);
  };
  const most = strengthOf(theme);
  const scale = (full: number) => Array.from({ length: steps }, (_, i) => colourAt(i / (steps - 1), full));
  const [light, full] = [scale(most), scale(1)];
  const stepOf = (one: number) =>
    largest === least
      ? diverging || one === 0
        ? 0
        : steps - 1
      : Math.round(((one - least) / (largest - least)) * (steps - 1));
  return {
    fill: Array.from(combined, (one) => (Number.isNaN(one) ? undefined : light[stepOf(one)])),
    strong: Array.from(combined, (one) => (Number.isNaN(one) ? undefined : full[stepOf(one)])),
    words: Array.from(combined, (one) => (Number.isNaN(one) ? '' : inUnit(one, overlay.unit))),
    least,
    largest,
    ramp: light,
    categories: [],
  };
}

/** One value for each drawn box: of a row itself, of what is folded into it, of what a closed scope holds. */
function combine(overlay: Overlay, value: Float64Array, table: GraphTable): Float64Array {
  const how = overlay.combine ?? (overlay.kind === 'diverging' ? 'mean' : 'sum');
  const combined = new Float64Array(table.drawn.length).fill(NaN);
  const counts = new Int32Array(table.drawn.length);
  for (let row = 0; row < value.length; row++) {
    const one = value[row]!;
    if (Number.isNaN(one)) continue;
    const n = table.drawnOf[shownRow(table, row)] ?? -1;
    if (n < 0) continue;
    const before = combined[n]!;
    counts[n]! += 1;
    if (Number.isNaN(before)) combined[n] = one;
    else if (how === 'max') combined[n] = Math.max(before, one);
    else if (how === 'min') combined[n] = Math.min(before, one);
    else combined[n] = before + one;
  }
  if (how === 'mean') for (let n = 0; n < counts.length; n++) combined[n]! /= Math.max(1, counts[n]!);
  return combined;
}

const categoryHues: readonly Hue[] = ['blue', 'orange', 'green', 'purple', 'red', 'yellow', 'grey'];

function paintNames({ category }: RowValues, table: GraphTable, theme: Theme): Painted {
  const totals = new Map<string, number>();
  for (const name of category) if (name !== undefined) totals.set(name, (totals.get(name) ?? 0) + 1);
  const sorted = [...totals].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const most = strengthOf(theme);
  const hueOf = new Map(sorted.map(([name], i) => [name, categoryHues[i % categoryHues.length]!]));
  const inside = Array.from(
    { length: table.drawn.length },
    () => undefined as Map<string, number> | undefined,
  );
  category.forEach((name, row) => {
    if (name === undefined) return;
    const n = table.drawnOf[shownRow(table, row)] ?? -1;
    if (n < 0) return;
    const counts = (inside[n] ??= new Map<string, number>());
    counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  const leading = inside.map((counts) => counts && [...counts].sort((a, b) => b[1] - a[1])[0]!);
  const colour = (share: number) =>
    leading.map((one) => one && mixColours(theme.boxFill, theme.hue[hueOf.get(one[0])!], share));
  return {
    fill: colour(most),
    strong: colour(1),
    words: leading.map((one, n) => {
      if (one === undefined) return '';
      let total = 0;
      for (const count of inside[n]!.values()) total += count;
      const name = elide(one[0], 24);
      return total === one[1] ? name : `${name} ${one[1]} of ${total}`;
    }),
    least: 0,
    largest: 0,
    ramp: [],
    categories: sorted.map(([name, count]) => ({
      name,
      count,
      colour: mixColours(theme.boxFill, theme.hue[hueOf.get(name)!], 1),
    })),
  };
}

const strengthOf = (theme: Theme): number =>
  theme.highContrast ? 0.25 : theme.isDark ? strength.dark : strength.light;

/** What a model tells by itself, without measuring: the bytes of the weights that each node reads. */
export function weightsOverlay(model: ModelTable): Overlay {
  let entries: Overlay['entries'] | undefined;
  return {
    name: 'weights',
    title: 'Weights',
    unit: 'B',
    kind: 'sequential',
    // Worked out when it is painted, not when the model is opened.
    get entries() {
      return (entries ??= weightEntries(model));
    },
  };
}

/** Whether `weightsOverlay` has entries. */
export const hasWeights = (model: ModelTable): boolean =>
  model.weights.subarray(0, model.rows).some((bytes) => bytes > 0);

function weightEntries(model: ModelTable): Overlay['entries'] {
  const entries: Overlay['entries'] = [];
  const outputOf = new Map<number, string>();
  for (let e = model.source.length - 1; e >= 0; e--) outputOf.set(model.source[e]!, model.value[e]!);
  for (let row = 0; row < model.baseRows; row++) {
    const name = model.name[row] === '' ? (outputOf.get(row) ?? '') : model.name[row]!;
    if (model.kind[row] === NodeKind.operator && model.weights[row]! > 0 && name !== '')
      entries.push({ node: name, value: model.weights[row]! });
  }
  return entries;
}
