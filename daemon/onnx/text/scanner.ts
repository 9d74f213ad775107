// Characters of a text in ONNX's textual form as names, numbers, texts and signs. Mistakes are thrown as `Unexpected`
// and caught by the parser, which goes on behind them.

import type { Span } from './syntax';

/** A mistake at a place; the parser makes a problem of it. */
export class Unexpected extends Error {
  constructor(
    message: string,
    readonly start: number,
    readonly end: number,
  ) {
    super(message);
  }
}

const code = (sign: string) => sign.charCodeAt(0);
const quote = code('"');
const backslash = code('\\');
const hash = code('#');
const newline = code('\n');

const isLetter = (at: number) => (at >= 97 && at <= 122) || (at >= 65 && at <= 90) || at === 95;
export const isDigit = (at: number): boolean => at >= 48 && at <= 57;
const isSpace = (at: number) => at === 32 || (at >= 9 && at <= 13);

export type NumberToken = Span & ({ readonly int: bigint } | { readonly float: number });

export class Scanner {
  at = 0;
  readonly comments: Span[] = [];

  constructor(readonly text: string) {}

  /** Steps over white space and comments; a comment that is passed twice is kept once. */
  skip(): void {
    const { text } = this;
    for (;;) {
      while (this.at < text.length && isSpace(text.charCodeAt(this.at))) this.at += 1;
      if (text.charCodeAt(this.at) !== hash) return;
      const start = this.at;
      while (this.at < text.length && text.charCodeAt(this.at) !== newline) this.at += 1;
      if ((this.comments.at(-1)?.start ?? -1) < start) this.comments.push({ start, end: this.at });
    }
  }

  /** The next sign, white space skipped; "" at the end. */
  peek(): string {
    this.skip();
    return this.text.charAt(this.at);
  }

  atEnd(): boolean {
    this.skip();
    return this.at >= this.text.length;
  }

  /** Takes a sign if it is next. */
  takes(sign: string): boolean {
    this.skip();
    if (this.text.charCodeAt(this.at) !== code(sign)) return false;
    this.at += 1;
    return true;
  }

  expect(sign: string, where: string): void {
    if (!this.takes(sign)) this.fail(`"${sign}" is missing ${where}`);
  }

  /** Throws a sentence with what was found instead. */
  fail(what: string): never {
    this.skip();
    const found = /^(?:"[^"\n]{0,20}"?|[\w.]+|.)/.exec(this.text.slice(this.at, this.at + 24))?.[0];
    const end = Math.min(this.text.length, this.at + (found?.length ?? 0));
    throw new Unexpected(
      `${what}${found === undefined ? '; the text ends here' : `; found ${found}`}.`,
      this.at,
      end,
    );
  }

  /** The end of the identifier that starts here; the present place where none does. */
  identifierEnd(): number {
    this.skip();
    let end = this.at;
    if (!isLetter(this.text.charCodeAt(end))) return end;
    for (end += 1; end < this.text.length; end += 1) {
      const at = this.text.charCodeAt(end);
      if (!isLetter(at) && !isDigit(at)) break;
    }
    return end;
  }

  nextIsIdentifier(): boolean {
    return this.identifierEnd() > this.at;
  }

  /** An identifier without taking it; "" where none is. */
  peekIdentifier(): string {
    return this.text.slice(this.at, this.identifierEnd());
  }

  nextIsQuoted(): boolean {
    this.skip();
    return this.text.charCodeAt(this.at) === quote;
  }

  /** A text in quotes. A backslash takes the next character as it is. */
  quoted(where: string): { text: string } & Span {
    if (!this.nextIsQuoted()) this.fail(`A text in quotes is missing ${where}`);
    const start = this.at;
    let escapes = false;
    let end = start + 1;
    for (; end < this.text.length; end += 1) {
      const at = this.text.charCodeAt(end);
      if (at === quote) break;
      if (at === backslash) {
        escapes = true;
        end += 1;
      }
    }
    if (end >= this.text.length) {
      this.at = this.text.length;
      const line = this.text.indexOf('\n', start);
      throw new Unexpected('The closing quote is missing.', start, line < 0 ? this.text.length : line);
    }
    this.at = end + 1;
    const inside = this.text.slice(start + 1, end);
    return { text: escapes ? inside.replace(/\\([\s\S])/g, '$1') : inside, start, end: end + 1 };
  }

  /** A number: `3`, `-1`, `2.5e-3`, `inf`, `-nan`. */
  number(where: string): NumberToken {
    this.skip();
    const start = this.at;
    const found = /^-?(?:\d+(\.\d*)?([eE][+-]?\d+)?|(inf(?:inity)?|nan)(?![\w.]))/i.exec(
      this.text.slice(start, start + 400),
    );
    if (!found) this.fail(`A number is missing ${where}`);
    const end = start + found[0].length;
    this.at = end;
    const word = found[3]?.toLowerCase();
    if (word !== undefined) {
      const value = word === 'nan' ? NaN : Infinity;
      return { start, end, float: found[0].startsWith('-') ? -value : value };
    }
    if (found[1] === undefined && found[2] === undefined) return { start, end, int: BigInt(found[0]) };
    return { start, end, float: Number(found[0]) };
  }

  /** True where `inf`, `infinity` or `nan` stands as a number. */
  nextIsNumberWord(): boolean {
    const word = this.peekIdentifier().toLowerCase();
    return word === 'inf' || word === 'infinity' || word === 'nan';
  }

  /** From here to behind the brace that closes the one that was just taken; texts are stepped over. */
  skipBraces(start: number): void {
    for (; this.at < this.text.length; this.at += 1) {
      const at = this.text.charCodeAt(this.at);
      if (at === 125) {
        this.at += 1;
        return;
      }
      if (at === quote) {
        this.quoted('');
        this.at -= 1;
      } else if (at === 123) break;
    }
    throw new Unexpected('The values are not closed by "}".', start, Math.min(start + 1, this.text.length));
  }

  /**
   * Goes on behind a mistake in a node: to the brace that closes the list of nodes, or to a line that starts a node.
   * Often the mistake is found there, because something was missing before.
   */
  recover(nodeStart: number): void {
    const found = this.at;
    const line = this.text.lastIndexOf('\n', found - 1);
    if (line >= nodeStart && this.text.slice(line, found).trim() === '') {
      this.at = line;
      if (this.nextLineStartsNode()) {
        this.at = line + 1;
        return;
      }
    }
    let depth = 0;
    for (this.at = Math.max(found, nodeStart + 1); this.at < this.text.length; this.at += 1) {
      const sign = this.text[this.at]!;
      if (sign === '#') {
        while (this.at < this.text.length && this.text[this.at] !== '\n') this.at += 1;
        this.at -= 1;
      } else if (sign === '"') {
        const line = this.text.indexOf('\n', this.at);
        const end = this.text.indexOf('"', this.at + 1);
        if (end > 0 && (line < 0 || end < line)) this.at = end;
      } else if (sign === '(' || sign === '[' || sign === '{') depth += 1;
      else if (sign === ')' || sign === ']') depth -= 1;
      else if (sign === '}') {
        if (depth <= 0) return;
        depth -= 1;
      } else if (sign === '\n' && (depth <= 0 || this.nextLineStartsNode())) {
        this.at += 1;
        return;
      }
    }
  }

  /** The line behind this newline looks like `name = Operator`, `"name", b = …` or `[label] …`. */
  private nextLineStartsNode(): boolean {
    const line = this.text.slice(this.at + 1, this.at + 400);
    return /^\s*(\[[^\]\n]*\]\s*)?("[^"\n]*"|\w+)(\s*,\s*("[^"\n]*"|\w+))*\s*=\s*[A-Za-z]/.test(line);
  }
}
