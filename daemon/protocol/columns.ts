// Tables as columns in one buffer: what graphs travel in. A page reads the typed arrays in place.
//
// Layout: uint32 header length H, H bytes of UTF-8 JSON `{columns:[{name,type,offset,length}]}` padded with
// spaces so that the data starts at a multiple of 8, then the columns, each at a multiple of 8 bytes from the
// start of the buffer. `offset` counts from the start of the buffer, `length` counts elements. A `strings`
// column is an Int32Array of length+1 ends (in bytes, the first is 0) at `offset`, followed directly by the
// UTF-8 text of `bytes` bytes. A `dictionary` column holds texts that repeat: an Int32Array of `length` numbers of
// texts at `offset`, followed directly by `texts` texts as in a `strings` column.

export type Column = Int32Array | Float32Array | Float64Array | Uint8Array | readonly string[];

/** A column of texts that repeat, to be encoded; it is decoded as a column of texts. */
export interface RepeatedTexts {
  readonly texts: readonly string[];
  /** For each row the number of its text. */
  numbers(): Int32Array;
}

export type ColumnType = 'int32' | 'float32' | 'float64' | 'uint8' | 'strings' | 'dictionary';

interface ColumnHeader {
  name: string;
  type: ColumnType;
  offset: number;
  length: number;
  /** Bytes of text; strings and dictionaries only. */
  bytes?: number;
  /** Number of different texts; dictionaries only. */
  texts?: number;
}

interface Part {
  readonly name: string;
  readonly type: ColumnType;
  readonly length: number;
  readonly texts?: number;
  readonly bytes?: number;
  /** What lies at the column's offset, one after the other. */
  readonly data: readonly Uint8Array[];
}

const pad8 = (n: number) => (n + 7) & ~7;

const bytesOf = (array: Exclude<Column, readonly string[]>) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function numericType(column: Exclude<Column, readonly string[]>): ColumnType {
  if (column instanceof Int32Array) return 'int32';
  if (column instanceof Float32Array) return 'float32';
  if (column instanceof Float64Array) return 'float64';
  return 'uint8';
}

/** Ends of the texts in bytes, and all of them in UTF-8. */
function textParts(texts: readonly string[]): { ends: Int32Array; text: Uint8Array } {
  const utf8 = new TextEncoder();
  const text = utf8.encode(texts.join(''));
  const ends = new Int32Array(texts.length + 1);
  let characters = 0;
  for (const each of texts) characters += each.length;
  // Where all is ASCII, which names nearly always are, characters are bytes.
  if (characters === text.byteLength) {
    for (let i = 0; i < texts.length; i++) ends[i + 1] = ends[i]! + texts[i]!.length;
    return { ends, text };
  }
  texts.forEach((each, i) => (ends[i + 1] = ends[i]! + utf8.encode(each).byteLength));
  if (ends[texts.length] === text.byteLength) return { ends, text };
  // Halves of a surrogate pair at a seam would have joined: encoded one by one they stay apart.
  const whole = new Uint8Array(ends[texts.length]!);
  texts.forEach((each, i) => whole.set(utf8.encode(each), ends[i]));
  return { ends, text: whole };
}

function partOf(name: string, column: Column | RepeatedTexts): Part {
  if ('texts' in column) {
    const { ends, text } = textParts(column.texts);
    const rows = column.numbers();
    const data = [bytesOf(rows), bytesOf(ends), text];
    const { byteLength: bytes } = text;
    return { name, type: 'dictionary', length: rows.length, texts: column.texts.length, bytes, data };
  }
  if (Array.isArray(column)) {
    const { ends, text } = textParts(column as readonly string[]);
    return {
      name,
      type: 'strings',
      length: column.length,
      bytes: text.byteLength,
      data: [bytesOf(ends), text],
    };
  }
  const numbers = column as Exclude<Column, readonly string[]>;
  return { name, type: numericType(numbers), length: numbers.length, data: [bytesOf(numbers)] };
}

/** Packs named columns into one buffer. Columns need not have equal lengths. */
export function encodeColumns(columns: Readonly<Record<string, Column | RepeatedTexts>>): Uint8Array {
  const utf8 = new TextEncoder();
  const parts = Object.entries(columns).map(([name, column]) => partOf(name, column));
  // Offsets depend on the header's length and the header holds the offsets: reserve a fixed width for each.
  const headerOf = (start: number) => {
    let at = start;
    const headers: ColumnHeader[] = parts.map(({ name, type, length, texts, bytes, data }) => {
      const offset = at;
      at = pad8(data.reduce((end, each) => end + each.byteLength, at));
      return {
        name,
        type,
        offset,
        length,
        ...(texts === undefined ? {} : { texts }),
        ...(bytes === undefined ? {} : { bytes }),
      };
    });
    return { text: JSON.stringify({ columns: headers }), headers, end: at };
  };
  let start = pad8(4 + headerOf(0).text.length + parts.length * 12);
  let header = headerOf(start);
  while (4 + utf8.encode(header.text).byteLength > start) {
    start = pad8(4 + utf8.encode(header.text).byteLength);
    header = headerOf(start);
  }
  const out = new Uint8Array(header.end);
  out.fill(0x20, 4, start);
  new DataView(out.buffer).setUint32(0, start - 4, true);
  out.set(utf8.encode(header.text), 4);
  parts.forEach(({ data }, i) => {
    let at = header.headers[i]!.offset;
    for (const each of data) {
      out.set(each, at);
      at += each.byteLength;
    }
  });
  return out;
}

/** Unpacks a buffer made by `encodeColumns`. Throws RangeError when it is malformed. */
export function decodeColumns(buffer: Uint8Array): Record<string, Column> {
  // Typed arrays need aligned memory; a payload cut out of a larger message may not be.
  const bytes = buffer.byteOffset % 8 === 0 ? buffer : new Uint8Array(buffer);
  const utf8 = new TextDecoder();
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(utf8.decode(bytes.subarray(4, 4 + headerBytes))) as { columns: ColumnHeader[] };
  const columns: Record<string, Column> = {};
  const textsAt = (offset: number, length: number): string[] => {
    const ends = new Int32Array(bytes.buffer, bytes.byteOffset + offset, length + 1);
    const text = offset + ends.byteLength;
    const total = ends[length]!;
    const all = utf8.decode(bytes.subarray(text, text + total));
    // As many characters as bytes means ASCII: cutting one text is much faster than decoding many.
    const ascii = all.length === total;
    const texts = new Array<string>(length);
    for (let i = 0; i < length; i++) {
      texts[i] = ascii
        ? all.slice(ends[i], ends[i + 1])
        : utf8.decode(bytes.subarray(text + ends[i]!, text + ends[i + 1]!));
    }
    return texts;
  };
  for (const { name, type, offset, length, texts } of header.columns) {
    const at = bytes.byteOffset + offset;
    if (type === 'int32') columns[name] = new Int32Array(bytes.buffer, at, length);
    else if (type === 'float32') columns[name] = new Float32Array(bytes.buffer, at, length);
    else if (type === 'float64') columns[name] = new Float64Array(bytes.buffer, at, length);
    else if (type === 'uint8') columns[name] = new Uint8Array(bytes.buffer, at, length);
    else if (type === 'strings') columns[name] = textsAt(offset, length);
    else {
      const numbers = new Int32Array(bytes.buffer, at, length);
      const different = textsAt(offset + numbers.byteLength, texts ?? 0);
      const rows = new Array<string>(length);
      for (let i = 0; i < length; i++) rows[i] = different[numbers[i]!] ?? '';
      columns[name] = rows;
    }
  }
  return columns;
}
