// What the results of jobs say of single nodes, as overlays for the picture of the graph. Pure. The types name only
// what is read here: a result may come from an older version's history.

import { badRequest } from '../base/errors';
import type { Overlay, OverlayEntry } from '../base/overlay';

/** Overlays of a result of `method`, the most telling first; none where it says nothing of single nodes. */
export function resultOverlays(method: string, result: unknown): Overlay[] {
  if (typeof result !== 'object' || result === null)
    throw badRequest(`${method} gives an object as its result.`);
  const given = result as Given;
  if (Array.isArray(given.overlays)) return given.overlays;
  const found = [
    ...ofSensitivity(given.layers),
    ...ofGroups(given.units),
    ...ofWidths(given),
    ...ofWeights(given.weightOnly?.layers),
    ...ofFusion(given.fusion),
    ...ofZeros(given.layers),
    ...ofRanks(given.layers),
  ];
  return found.filter(({ entries }) => entries.length > 0);
}

interface ErrorFigures {
  readonly sqnrDb: number;
  readonly cosine: number;
}

interface Given {
  readonly overlays?: Overlay[];
  /** Of `slipway/sensitivity`, `slipway/pruneWeights` and `slipway/lowRank`. */
  readonly layers?: readonly Partial<Layer>[];
  /** Of `slipway/pruneSensitivity`. */
  readonly units?: readonly {
    name: string;
    from: number;
    to: number;
    layers: readonly string[];
    alone: ErrorFigures;
    top1: number | null;
  }[];
  /** Of quantization. */
  readonly fusion?: {
    readonly ran?: readonly { node: string; as: string }[];
    readonly left: readonly { node: string; why: string; mend?: string }[];
  };
  /** Of weight-only quantization. */
  readonly weightOnly?: { readonly layers: readonly WeightLayer[] };
  /** Of `slipway/prune`. */
  readonly groups?: readonly { name: string; from: number; to: number; layers: readonly string[] }[];
  readonly locked?: readonly { name: string; reason: string }[];
}

interface Layer {
  readonly node: string;
  readonly alone: ErrorFigures;
  readonly together: ErrorFigures | null;
  readonly name: string;
  readonly elements: number;
  readonly zeros: number;
  readonly from: number;
  readonly to: number;
  readonly energy: number;
}

interface WeightLayer {
  readonly nodes: readonly string[];
  readonly bits: number;
  readonly algorithm: string;
  readonly error: { readonly relative: number; readonly of: string };
}

/** Above this nothing was lost that counts; infinity cannot be painted. */
const lossless = 200;
const decibels = (db: number) => Math.min(lossless, db);

/** Noise as a share of the signal, percent: what loses most is painted strongest, which decibels would leave pale. */
const noisePercent = (db: number) => Number((100 * 10 ** (-decibels(db) / 20)).toPrecision(3));

function ofSensitivity(layers: Given['layers'] = []): Overlay[] {
  const entry = (node: string, figures: ErrorFigures, of: string): OverlayEntry => ({
    node,
    value: noisePercent(figures.sqnrDb),
    text: `${of}: ${noisePercent(figures.sqnrDb)} % of error, ${decibels(figures.sqnrDb).toFixed(1)} dB, cosine ${figures.cosine.toFixed(5)}`,
  });
  const common = { unit: '%', kind: 'sequential', higherIs: 'worse', combine: 'max' } as const;
  return [
    {
      name: 'sensitivity.alone',
      title: 'Sensitivity',
      ...common,
      entries: layers.flatMap(({ node, alone }) =>
        node !== undefined && alone ? [entry(node, alone, 'Outputs when only this is rounded')] : [],
      ),
    },
    {
      name: 'sensitivity.together',
      title: 'Error of each layer',
      ...common,
      entries: layers.flatMap(({ node, together }) =>
        node !== undefined && together ? [entry(node, together, 'Its output when all are rounded')] : [],
      ),
    },
  ];
}

/** Each layer shows the most sensitive of the groups that it is cut with. */
function ofGroups(units: Given['units'] = []): Overlay[] {
  const worst = new Map<string, OverlayEntry>();
  for (const { name, from, to, layers, alone, top1 } of units) {
    const value = noisePercent(alone.sqnrDb);
    const score = top1 === null ? '' : `, top-1 ${(100 * top1).toFixed(2)} %`;
    const text = `Outputs when ${name} alone goes from ${from} to ${to} channels: ${value} % of error, ${decibels(alone.sqnrDb).toFixed(1)} dB${score}`;
    for (const node of [name, ...layers])
      if (!(value <= (worst.get(node)?.value ?? -1))) worst.set(node, { node, value, text });
  }
  return [
    {
      name: 'prune.sensitivity',
      title: 'Sensitivity to pruning',
      unit: '%',
      kind: 'sequential',
      higherIs: 'worse',
      combine: 'max',
      entries: [...worst.values()],
    },
  ];
}

/** Every compute node: those that run in integers with what does their work, the others with the reason. */
function ofFusion(fusion: Given['fusion']): Overlay[] {
  const { ran = [], left = [] } = fusion ?? {};
  const entries = [
    ...ran.map(({ node, as }): OverlayEntry => ({ node, category: 'in integers', text: `runs as ${as}` })),
    ...left.map(({ node, why, mend }): OverlayEntry => ({
      node,
      category: 'in float',
      text: mend === undefined ? why : `${why} ${mend}`,
    })),
  ];
  return [{ name: 'quantize.fusion', title: 'Integers and float', unit: '', kind: 'category', entries }];
}

/** What rounding its weight cost each layer, percent. */
function ofWeights(layers: readonly WeightLayer[] = []): Overlay[] {
  const entries = layers.flatMap(({ nodes, bits, algorithm, error }) =>
    nodes.map((node): OverlayEntry => ({
      node,
      value: 100 * error.relative,
      text: `${(100 * error.relative).toFixed(2)} % of the ${error.of}, ${bits} bits by ${algorithm}`,
    })),
  );
  return [
    {
      name: 'weights.error',
      title: 'Error of weights',
      unit: '%',
      kind: 'sequential',
      entries,
      higherIs: 'worse',
      combine: 'max',
    },
  ];
}

/** Share of the rank that is left in layers that were split. */
function ofRanks(layers: Given['layers'] = []): Overlay[] {
  const entries = layers.flatMap(({ name, from, to, energy }): OverlayEntry[] =>
    name === undefined || from === undefined || to === undefined || energy === undefined
      ? []
      : [
          {
            node: name,
            value: (100 * to) / Math.max(1, from),
            text: to < from ? `rank ${to} of ${from}, ${(100 * energy).toFixed(2)} % of its energy` : 'whole',
          },
        ],
  );
  return [
    {
      name: 'lowRank.rank',
      title: 'Rank that is left',
      unit: '%',
      kind: 'sequential',
      entries,
      combine: 'mean',
    },
  ];
}

/** Share of the width that is left, of every layer that was cut, and why others stayed. */
function ofWidths({ groups = [], locked = [] }: Given): Overlay[] {
  const left = groups.flatMap(({ name, from, to, layers }) =>
    [name, ...layers].map((node): OverlayEntry => ({
      node,
      value: (100 * to) / Math.max(1, from),
      text: node === name ? `${to} of ${from} channels are left` : `cut with ${name}: ${to} of ${from}`,
    })),
  );
  const own = new Map<string, OverlayEntry>();
  for (const entry of left)
    if (!own.has(entry.node) || !entry.text?.startsWith('cut with')) own.set(entry.node, entry);
  return [
    {
      name: 'prune.width',
      title: 'Channels left',
      unit: '%',
      kind: 'sequential',
      entries: [...own.values()],
      combine: 'mean',
    },
    {
      name: 'prune.locked',
      title: 'Layers left whole',
      unit: '',
      kind: 'category',
      entries: locked.map(({ name, reason }) => ({ node: name, category: 'stays whole', text: reason })),
    },
  ];
}

function ofZeros(layers: Given['layers'] = []): Overlay[] {
  const entries = layers.flatMap(({ name, elements, zeros }): OverlayEntry[] =>
    name === undefined || elements === undefined || zeros === undefined
      ? []
      : [
          {
            node: name,
            value: (100 * zeros) / Math.max(1, elements),
            text: `${zeros} of ${elements} weights are zero`,
          },
        ],
  );
  return [
    {
      name: 'prune.zeros',
      title: 'Weights that are zero',
      unit: '%',
      kind: 'sequential',
      entries,
      combine: 'mean',
    },
  ];
}
