// Tables for a terminal: columns as wide as their widest cell, numbers to the right.

export interface ColumnSpec {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** The table as lines, the header underlined; cells beyond the columns are left out. */
export function renderTable(columns: readonly ColumnSpec[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(width(title), ...rows.map((row) => width(row[i] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? '';
        const pad = ' '.repeat(widths[i]! - width(cell));
        return align === 'right' ? pad + cell : cell + pad;
      })
      .join('  ')
      .trimEnd();
  return [
    line(columns.map(({ title }) => title)),
    line(widths.map((size) => '─'.repeat(size))),
    ...rows.map(line),
  ].join('\n');
}

/** Names and values below each other. */
export function renderList(rows: readonly (readonly [name: string, value: string])[]): string {
  const names = Math.max(...rows.map(([name]) => width(name)));
  return rows.map(([name, value]) => `  ${name}${' '.repeat(names - width(name))}  ${value}`).join('\n');
}

/** Characters as a terminal counts them, near enough: code points, wide ones of East Asia twice. */
function width(text: string): number {
  let cells = 0;
  for (const character of text)
    cells += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/.test(
      character,
    )
      ? 2
      : 1;
  return cells;
}
