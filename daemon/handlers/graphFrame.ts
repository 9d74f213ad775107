// The frame of `slipway/graph`: the columns of a graph, with texts no longer than a picture needs them.

import { encodeColumns, type Column, type RepeatedTexts } from '../protocol/columns';
import { shortName } from '../protocol/shortName';

const shortTexts = (texts: readonly string[]): readonly string[] => {
  // Nearly no model has a text that long: then nothing is copied.
  const at = texts.findIndex((text) => shortName(text) !== text);
  return at === -1 ? texts : texts.map(shortName);
};

/** Packs the columns of a graph; very long texts lose their middle. */
export function graphFrame(columns: Readonly<Record<string, Column | RepeatedTexts>>): Uint8Array {
  const short: Record<string, Column | RepeatedTexts> = {};
  for (const [name, column] of Object.entries(columns)) {
    if (Array.isArray(column)) short[name] = shortTexts(column as readonly string[]);
    else if ('texts' in column)
      short[name] = { texts: shortTexts(column.texts), numbers: () => column.numbers() };
    else short[name] = column;
  }
  return encodeColumns(short);
}
