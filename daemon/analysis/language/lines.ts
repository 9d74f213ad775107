// Between offsets in a text and lines with columns, both from 0 and in UTF-16 units.

export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

export class Lines {
  private readonly starts: Uint32Array;

  constructor(private readonly text: string) {
    const starts: number[] = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.starts = Uint32Array.from(starts);
  }

  get count(): number {
    return this.starts.length;
  }

  /** Where the text of a line ends, before its line break. */
  end(line: number): number {
    return line + 1 < this.starts.length ? this.starts[line + 1]! - 1 : this.text.length;
  }

  /** `near` is a line at or before the place, close to which it is found soonest. */
  position(offset: number, near = 0): Position {
    let low = near;
    for (let step = 0; near > 0 && step < 4 && low + 1 < this.starts.length; step += 1) {
      if (offset <= this.end(low)) return { line: low, character: offset - this.starts[low]! };
      low += 1;
    }
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: offset - this.starts[low]! };
  }

  /** The offset of a place, which is taken back to the end of its line or of the text where it lies beyond. */
  offset({ line, character }: Position): number {
    if (line < 0) return 0;
    if (line >= this.starts.length) return this.text.length;
    return Math.min(this.end(line), this.starts[line]! + Math.max(0, character));
  }

  range({ start, end }: { readonly start: number; readonly end: number }): Range {
    return { start: this.position(start), end: this.position(end) };
  }
}
