// Attachments of Netron: JSON with the signature `netron:attachment` and lists of metrics and metadata, each item
// with `kind` (node, value, …), `target` (its name), `name`, `value` and perhaps `type`, which serves as unit.

import type { Overlay, OverlayEntry } from '../../base/overlay';
import { fieldsOf } from './fields';

const signature = 'netron:attachment';

interface Item {
  node: string;
  name: string;
  value: string | number;
  unit: string;
}

/** One overlay for each metric or metadata name about nodes or values; undefined when it is no attachment. */
export function fromNetron(data: unknown): Overlay[] | undefined {
  const top = fieldsOf(data);
  if (top?.['signature'] !== signature) return undefined;
  const byName = new Map<string, Item[]>();
  for (const list of [top['metrics'], top['metadata']]) {
    for (const item of Array.isArray(list) ? list.flatMap(itemOf) : []) {
      const same = byName.get(item.name);
      if (same === undefined) byName.set(item.name, [item]);
      else same.push(item);
    }
  }
  return [...byName].map(([title, items]) => overlayOf(title, items));
}

function itemOf(given: unknown): Item[] {
  const item = fieldsOf(given);
  const { kind, target, name, value, type } = item ?? {};
  if ((kind !== 'node' && kind !== 'value') || typeof target !== 'string' || typeof name !== 'string') {
    return [];
  }
  if (typeof value !== 'number' && typeof value !== 'string') return [];
  const unit = typeof type === 'string' && type !== 'attribute' ? type : '';
  return [{ node: target, name, value, unit: unit === 'us' ? 'µs' : unit }];
}

function overlayOf(title: string, items: readonly Item[]): Overlay {
  const numeric = items.every(({ value }) => String(value).trim() !== '' && Number.isFinite(Number(value)));
  return {
    name: `netron.${title}`,
    title,
    unit: numeric ? (items[0]?.unit ?? '') : '',
    kind: numeric ? 'sequential' : 'category',
    entries: items.map(({ node, value }): OverlayEntry =>
      numeric ? { node, value: Number(value) } : { node, category: String(value) },
    ),
  };
}

/** An attachment with one item for each entry. Netron matches names up to their first line break. */
export function toNetron({ title, unit, kind, entries }: Overlay): unknown {
  const items = entries.map(({ node, value, category }) => ({
    kind: 'node',
    target: node.split('\n')[0]!,
    name: title.replaceAll('\n', ' '),
    value: value ?? category ?? '',
    ...(unit === '' ? {} : { type: unit }),
  }));
  return { signature, metadata: kind === 'category' ? items : [], metrics: kind === 'category' ? [] : items };
}
