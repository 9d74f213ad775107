// Tables as columns in one buffer: what graphs travel in. A page reads the typed arrays in place.
//
// Layout: uint32 header length H, H bytes of UTF-8 JSON `{columns:[{name,type,offset,length}]}` padded with
// spaces so that the data starts at a multiple of 8, then the columns, each at a multiple of 8 bytes from the
// start of the buffer. `offset` counts from the start of the buffer, `length` counts elements. A `strings`
// column is an Int32Array of length+1 ends (in bytes, the first is 0) at `offset`, followed directly by the
// UTF-8 text of `bytes` bytes.

export type Column = Int32Array | Float32Array | Float64Array | Uint8Array | readonly string[];
export type ColumnType = 'int32' | 'float32' | 'float64' | 'uint8' | 'strings';

interface ColumnHeader {
  name: string;
  type: ColumnType;
  offset: number;
  length: number;
  /** Bytes of text; strings only. */
  bytes?: number;
}

const pad8 = (n: number) => (n + 7) & ~7;

function typeOf(column: Column): ColumnType {
  if (column instanceof Int32Array) return 'int32';
  if (column instanceof Float32Array) return 'float32';
  if (column instanceof Float64Array) return 'float64';
  if (column instanceof Uint8Array) return 'uint8';
  return 'strings';
}

/** Packs named columns into one buffer. Columns need not have equal lengths. */
export function encodeColumns(columns: Readonly<Record<string, Column>>): Uint8Array {
  const utf8 = new TextEncoder();
  const parts = Object.entries(columns).map(([name, column]) => {
    const type = typeOf(column);
    if (type !== 'strings') return { name, type, data: column as Exclude<Column, readonly string[]> };
    const texts = column as readonly string[];
    const text = utf8.encode(texts.join(''));
    const ends = new Int32Array(texts.length + 1);
    let characters = 0;
    for (const each of texts) characters += each.length;
    // Where all is ASCII, which names nearly always are, characters are bytes.
    const sizeOf =
      characters === text.byteLength
        ? (each: string) => each.length
        : (each: string) => utf8.encode(each).byteLength;
    texts.forEach((each, i) => (ends[i + 1] = ends[i]! + sizeOf(each)));
    if (ends[texts.length] === text.byteLength) return { name, type, ends, text };
    // Halves of a surrogate pair at a seam would have joined: encoded one by one they stay apart.
    const whole = new Uint8Array(ends[texts.length]!);
    texts.forEach((each, i) => whole.set(utf8.encode(each), ends[i]));
    return { name, type, ends, text: whole };
  });
  // Offsets depend on the header's length and the header holds the offsets: reserve a fixed width for each.
  const headerOf = (start: number) => {
    let at = start;
    const headers: ColumnHeader[] = parts.map((part) => {
      const offset = at;
      if (part.data) {
        at = pad8(at + part.data.byteLength);
        return { name: part.name, type: part.type, offset, length: part.data.length };
      }
      const bytes = part.ends[part.ends.length - 1]!;
      at = pad8(at + part.ends.byteLength + bytes);
      return { name: part.name, type: part.type, offset, length: part.ends.length - 1, bytes };
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
  parts.forEach((part, i) => {
    const { offset } = header.headers[i]!;
    if (part.data) {
      out.set(new Uint8Array(part.data.buffer, part.data.byteOffset, part.data.byteLength), offset);
      return;
    }
    out.set(new Uint8Array(part.ends.buffer), offset);
    out.set(part.text, offset + part.ends.byteLength);
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
  for (const { name, type, offset, length } of header.columns) {
    const at = bytes.byteOffset + offset;
    if (type === 'int32') columns[name] = new Int32Array(bytes.buffer, at, length);
    else if (type === 'float32') columns[name] = new Float32Array(bytes.buffer, at, length);
    else if (type === 'float64') columns[name] = new Float64Array(bytes.buffer, at, length);
    else if (type === 'uint8') columns[name] = new Uint8Array(bytes.buffer, at, length);
    else {
      const ends = new Int32Array(bytes.buffer, at, length + 1);
      const text = offset + ends.byteLength;
      const total = ends[length]!;
      const all = utf8.decode(bytes.subarray(text, text + total));
      // As many characters as bytes means ASCII: cutting one text is much faster than decoding many.
      columns[name] = Array.from({ length }, (_, i) =>
        all.length === total
          ? all.slice(ends[i], ends[i + 1])
          : utf8.decode(bytes.subarray(text + ends[i]!, text + ends[i + 1]!)),
      );
    }
  }
  return columns;
}
