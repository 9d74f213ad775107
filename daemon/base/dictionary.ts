// Texts that repeat, one for each row of a table: every text once, and for each row which one stands there. How it
// travels is daemon/protocol/columns.ts' business.

/** Texts that repeat, as they are sent. */
export interface Texts {
  readonly texts: readonly string[];
  /** For each row the number of its text. */
  numbers(): Int32Array;
}

export class Dictionary implements Texts {
  readonly texts: string[] = [];
  private readonly known = new Map<string, number>();
  private readonly rows: number[] = [];

  /** Number of a text, new or known. */
  numberOf(text: string): number {
    let number = this.known.get(text);
    if (number === undefined) {
      number = this.texts.length;
      this.known.set(text, number);
      this.texts.push(text);
    }
    return number;
  }

  /** Adds a row. */
  push(text: string): void {
    this.rows.push(this.numberOf(text));
  }

  /** Adds a row with a text whose number is known. */
  pushNumber(number: number): void {
    this.rows.push(number);
  }

  /** For each row the number of its text. */
  numbers(): Int32Array {
    return Int32Array.from(this.rows);
  }
}
