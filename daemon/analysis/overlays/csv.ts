// Overlays as a table: a column of node names and one column for each overlay, its unit in brackets after its title.

import type { Overlay, OverlayEntry } from '../../base/overlay';

/** One overlay for each column after the first; undefined when the text is no table with a column of names. */
export function fromCsv(text: string): Overlay[] | undefined {
  const [head, ...rows] = parseCsv(text);
  if (head === undefined || head.length < 2) return undefined;
  const wanted = head.findIndex((title) => /^(node|name|node name)$/i.test(title.trim()));
  const names = Math.max(0, wanted);
  return head.flatMap((full, column): Overlay[] => {
    if (column === names) return [];
    const cells = rows.flatMap((row): [string, string][] => {
      const [node, cell] = [row[names] ?? '', row[column]?.trim() ?? ''];
      return node === '' || cell === '' ? [] : [[node, cell]];
    });
    if (cells.length === 0) return [];
    const numeric = cells.every(([, cell]) => Number.isFinite(Number(cell)));
    const { title, unit } = titleAndUnit(full);
    return [
      {
        name: `csv.${title}`,
        title,
        unit: numeric ? unit : '',
        kind: numeric ? 'sequential' : 'category',
        entries: cells.map(([node, cell]): OverlayEntry =>
          numeric ? { node, value: Number(cell) } : { node, category: cell },
        ),
      },
    ];
  });
}

/** `Time (µs)` taken apart. */
function titleAndUnit(full: string): { title: string; unit: string } {
  const match = /^(.*?)\s*\(([^()]*)\)\s*$/.exec(full);
  return match === null ? { title: full.trim(), unit: '' } : { title: match[1]!, unit: match[2]! };
}

/** Rows of cells; quoted cells may hold commas, quotes (doubled) and line breaks. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endRow = () => {
    row.push(cell);
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
    cell = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i]!;
      else quoted = false;
    } else if (c === '"' && cell === '') quoted = true;
    else if (c === ',') {
      row.push(cell);
      cell = '';
    } else if (c === '\n') endRow();
    else if (c !== '\r') cell += c;
  }
  endRow();
  return rows;
}

const quote = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** A row for each entry; the words of entries, where there are any, in a last column. */
export function toCsv({ title, unit, entries }: Overlay): string {
  const words = entries.some(({ text }) => text !== undefined);
  const head = ['node', unit === '' ? title : `${title} (${unit})`, ...(words ? ['note'] : [])];
  const rows = entries.map(({ node, value, category, text }) => [
    node,
    String(value ?? category ?? ''),
    ...(words ? [text ?? ''] : []),
  ]);
  return [head, ...rows].map((row) => `${row.map(quote).join(',')}\n`).join('');
}
