// The frame of `slipway/graph`: the columns of a graph, with texts no longer than a picture needs them.

import { encodeColumns, type Column, type RepeatedTexts } from '../protocol/columns';
import { shortName } from '../protocol/shortName';

const shortTexts = (texts: readonly string[]): readonly string[] => {
  // Nearly no model has any: then nothing is copied.
  const at = texts.findIndex((text) => shortName(text) !== text);
  return at === -1 ? texts : texts.map(shortName);
};

/** Packs the columns of a graph; very long texts lose their middle. */
export function graphFrame(columns: Readonly<Record<string, Column | RepeatedTexts>>): Uint8Array {
  return encodeColumns(
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) => {
        if (Array.isArray(column)) return [name, shortTexts(column as readonly string[])];
        if (!('texts' in column)) return [name, column];
        return [name, { texts: shortTexts(column.texts), numbers: () => column.numbers() }];
      }),
    ),
  );
}
