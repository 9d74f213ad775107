// Overlays as text in the formats of other tools, and back. The format of what is read is told by its content.

import type { Diagnostic } from '../../base/diagnostic';
import type { Overlay, OverlayEntry } from '../../base/overlay';
import { SlipwayError } from '../../base/errors';
import type { Model } from '../../ir/model';
import { fromCsv, toCsv } from './csv';
import { fieldsOf } from './fields';
import { fromModelExplorer, toModelExplorer } from './modelExplorer';
import { fromNetron, toNetron } from './netron';

export type OverlayFormat = 'model-explorer' | 'netron' | 'csv' | 'slipway';

/** Overlays in the text of a file called `title`. Throws a SlipwayError when it is none of the formats. */
export function parseOverlays(text: string, title: string): { format: OverlayFormat; overlays: Overlay[] } {
  const found = overlaysIn(text, title);
  const overlays = found?.overlays.filter(({ entries }) => entries.length > 0) ?? [];
  if (found === undefined) {
    throw new SlipwayError(
      'badRequest',
      `${title} holds no values for nodes. Slipway reads node data JSON of Model Explorer, attachment JSON of Netron, CSV with a column called "node", and overlays that it wrote itself.`,
    );
  }
  if (overlays.length === 0) {
    throw new SlipwayError(
      'badRequest',
      `${title} is a file of ${formatNames[found.format]}, but no node in it has a value.`,
    );
  }
  return { format: found.format, overlays };
}

const formatNames: Readonly<Record<OverlayFormat, string>> = {
  'model-explorer': 'Model Explorer',
  netron: 'Netron attachments',
  csv: 'comma-separated values',
  slipway: 'overlays',
};

function overlaysIn(text: string, title: string): { format: OverlayFormat; overlays: Overlay[] } | undefined {
  const start = text.trimStart()[0];
  if (start !== '{' && start !== '[') {
    const overlays = fromCsv(text);
    return overlays && { format: 'csv', overlays };
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new SlipwayError(
      'badRequest',
      `${title} is not valid JSON: ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  const own = (Array.isArray(data) ? data : [data]).flatMap((one: unknown) => ownOverlay(one) ?? []);
  if (own.length > 0) return { format: 'slipway', overlays: own };
  const attachment = fromNetron(data);
  if (attachment !== undefined) return { format: 'netron', overlays: attachment };
  const nodeData = fromModelExplorer(data, title);
  return nodeData && { format: 'model-explorer', overlays: nodeData };
}

function ownOverlay(data: unknown): Overlay | undefined {
  const { name, title, unit, kind, scope, entries, higherIs, combine } = fieldsOf(data) ?? {};
  if (typeof name !== 'string' || typeof title !== 'string' || !Array.isArray(entries)) return undefined;
  if (kind !== 'sequential' && kind !== 'diverging' && kind !== 'category') return undefined;
  return {
    name,
    title,
    unit: typeof unit === 'string' ? unit : '',
    kind,
    ...(typeof scope === 'string' ? { scope } : {}),
    ...(higherIs === 'better' || higherIs === 'worse' ? { higherIs } : {}),
    ...(combine === 'sum' || combine === 'max' || combine === 'min' || combine === 'mean' ? { combine } : {}),
    entries: entries.flatMap((one: unknown) => ownEntry(one) ?? []),
  };
}

function ownEntry(data: unknown): OverlayEntry | undefined {
  const { node, value, category, text } = fieldsOf(data) ?? {};
  if (typeof node !== 'string') return undefined;
  return {
    node,
    ...(typeof value === 'number' ? { value } : {}),
    ...(typeof category === 'string' ? { category } : {}),
    ...(typeof text === 'string' ? { text } : {}),
  };
}

/** The text of a file with one overlay. */
export function overlayText(overlay: Overlay, format: OverlayFormat): string {
  switch (format) {
    case 'csv':
      return toCsv(overlay);
    case 'netron':
      return `${JSON.stringify(toNetron(overlay), null, 2)}\n`;
    case 'model-explorer':
      return `${JSON.stringify(toModelExplorer(overlay), null, 2)}\n`;
    case 'slipway':
      return `${JSON.stringify(overlay, null, 2)}\n`;
  }
}

/** One warning for each overlay of which the main graph of a model lacks nodes. */
export function unknownNodes(overlays: readonly Overlay[], model: Model): Diagnostic[] {
  const known = new Set<string>();
  for (const { name, outputs } of model.graph.nodes) {
    known.add(name);
    for (const output of outputs) known.add(output);
  }
  return overlays.flatMap(({ title, scope, entries }): Diagnostic[] => {
    if (scope !== undefined && scope !== '') return [];
    const missing = entries.filter(({ node }) => !known.has(node));
    if (missing.length === 0) return [];
    const first = missing[0]!.node;
    return [
      {
        id: 'overlay/unknownNode',
        severity: 'warning',
        message:
          missing.length === entries.length
            ? `No node of this model is called as in "${title}" (the first is "${first}"). The values belong to another model, or to another version of it.`
            : `${missing.length} of ${entries.length} names in "${title}" are no nodes of this model, the first is "${first}".`,
      },
    ];
  });
}
