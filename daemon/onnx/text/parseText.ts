// Text in ONNX's textual form (https://github.com/onnx/onnx/blob/main/docs/Syntax.md) → syntax tree. Never throws: a
// mistake becomes a problem with its place, and reading goes on behind it, at the next node where that is possible.

import { breathing, inOneGo, type Steps, type Task } from '../../base/task';
import type { StringEntry } from '../../ir/model';
import { isTypeWord, parseType } from './parseTypes';
import { isDigit, Scanner, Unexpected } from './scanner';
import type {
  AttributeSyntax,
  AttributeValueSyntax,
  DataSyntax,
  FieldSyntax,
  GraphSyntax,
  HeaderSyntax,
  Mark,
  MarkKind,
  NodeSyntax,
  SyntaxProblem,
  TextSyntax,
  ValueSyntax,
} from './syntax';

const deepestGraph = 200;
const mostProblems = 100;

/** Reads a whole model, one graph, or functions; a text of one function starts with its header. */
export function parseText(text: string): TextSyntax {
  return new Parser(text).all();
}

/** The same, in steps that let the event loop run: for texts that may be long. */
export const parseLongText = (text: string, task: Task): Promise<TextSyntax> =>
  breathing(new Parser(text).steps(), task);

/** Nodes between two offsets, read as if the list of nodes ended there. */
export interface NodesSyntax extends Pick<TextSyntax, 'marks' | 'comments' | 'problems'> {
  readonly nodes: readonly NodeSyntax[];
}

/** Reads the nodes of a whole text's main graph or function that lie from `start` to `end`. */
export function parseNodes(text: string, start: number, end: number): NodesSyntax {
  return new Parser(text.slice(0, end), start).nodesToEnd();
}

class Parser {
  private readonly scan: Scanner;
  private readonly marks: Mark[] = [];
  private readonly problems: SyntaxProblem[] = [];

  constructor(
    private readonly text: string,
    start = 0,
  ) {
    this.scan = new Scanner(text);
    this.scan.at = start;
  }

  nodesToEnd(): NodesSyntax {
    const nodes: NodeSyntax[] = [];
    while (!this.scan.atEnd()) {
      // A brace that closes something else: what is behind it is no list of nodes.
      if (this.scan.peek() === '}') {
        const { at } = this.scan;
        this.note(new Unexpected('"}" closes nothing.', at, at + 1));
        break;
      }
      this.nodeInto(nodes, 0);
    }
    return { nodes, marks: this.marks, comments: this.scan.comments, problems: this.problems };
  }

  all(): TextSyntax {
    return inOneGo(this.steps());
  }

  /** Stops now and then between nodes and values. */
  *steps(): Steps<TextSyntax> {
    let header: HeaderSyntax | undefined;
    let graph: GraphSyntax | undefined;
    const functions: GraphSyntax[] = [];
    try {
      while (!this.scan.atEnd()) {
        const start = this.scan.at;
        const own = this.scan.peek() === '<' ? this.header() : undefined;
        const first = graph === undefined && functions.length === 0;
        if (first && !isFunctionHeader(own)) {
          header = own;
          graph = yield* this.graphInSteps('graph', undefined, this.scan.at, 0);
        } else functions.push(yield* this.graphInSteps('function', own, start, 0));
      }
    } catch (error) {
      this.note(error);
    }
    const { text, marks, problems } = this;
    return { text, header, graph, functions, marks, comments: this.scan.comments, problems };
  }

  private note(error: unknown): void {
    if (!(error instanceof Unexpected)) throw error;
    if (this.problems.length < mostProblems)
      this.problems.push({ start: error.start, end: error.end, message: error.message });
  }

  private mark(kind: MarkKind, text: string, start: number, end: number): Mark {
    const mark: Mark = { kind, text, start, end };
    this.marks.push(mark);
    return mark;
  }

  private identifier(kind: MarkKind, what: string): Mark {
    const end = this.scan.identifierEnd();
    if (end === this.scan.at) this.scan.fail(what);
    const mark = this.mark(kind, this.text.slice(this.scan.at, end), this.scan.at, end);
    this.scan.at = end;
    return mark;
  }

  /** An identifier or a text in quotes; undefined where neither is next. */
  private optionalName(kind: MarkKind): Mark | undefined {
    const { scan } = this;
    if (scan.nextIsQuoted()) {
      const { text, start, end } = scan.quoted('');
      return this.mark(kind, text, start, end);
    }
    return scan.nextIsIdentifier() ? this.identifier(kind, '') : undefined;
  }

  private name(kind: MarkKind, what: string): Mark {
    return this.optionalName(kind) ?? this.scan.fail(what);
  }

  private header(): HeaderSyntax {
    const start = this.scan.at;
    const fields: FieldSyntax[] = [];
    this.scan.expect('<', 'before the header');
    while (this.scan.peek() !== '>') {
      fields.push(this.field());
      if (!this.scan.takes(',')) break;
    }
    this.scan.expect('>', 'after the header');
    return { start, end: this.scan.at, fields };
  }

  private field(): FieldSyntax {
    const { scan } = this;
    const name = this.identifier('field', 'A field of the header is missing, such as ir_version');
    scan.expect(':', `after ${name.text}`);
    const end = () => scan.at;
    if (scan.peek() === '[') {
      scan.takes('[');
      const versions: { domain: string; version: bigint }[] = [];
      const entries: StringEntry[] = [];
      while (scan.peek() !== ']') {
        const { text } = scan.quoted(`in ${name.text}`);
        scan.expect(':', `after "${text}"`);
        if (scan.nextIsQuoted()) entries.push({ key: text, value: scan.quoted('').text });
        else versions.push({ domain: text, version: this.int(`after "${text}"`) });
        if (!scan.takes(',')) break;
      }
      scan.expect(']', `after the list of ${name.text}`);
      const value =
        name.text === 'opset_import'
          ? ({ kind: 'versions', value: versions } as const)
          : ({ kind: 'entries', value: entries } as const);
      return { name, value, start: name.start, end: end() };
    }
    const value = scan.nextIsQuoted()
      ? ({ kind: 'text', value: scan.quoted('').text } as const)
      : ({ kind: 'number', value: this.int(`for ${name.text}`) } as const);
    return { name, value, start: name.start, end: end() };
  }

  private int(where: string): bigint {
    const number = this.scan.number(where);
    if ('int' in number) return number.int;
    this.scan.at = number.start;
    return this.scan.fail(`A whole number is missing ${where}`);
  }

  /** A graph or a function from its name on; `start` lies before the header. */
  private *graphInSteps(
    kind: GraphSyntax['kind'],
    header: HeaderSyntax | undefined,
    start: number,
    depth: number,
    given?: Mark,
  ): Steps<GraphSyntax> {
    const { scan } = this;
    if (depth > deepestGraph) scan.fail('Graphs are nested too deeply');
    const name = given ?? this.name(kind, `The name of the ${kind} is missing`);
    const attributes = kind === 'function' && scan.takes('<') ? this.functionAttributes() : [];
    const inputs = yield* this.values('(', ')', `of the inputs of ${name.text}`);
    scan.expect('=', `before ">" between inputs and outputs of ${name.text}`);
    scan.expect('>', `between inputs and outputs of ${name.text}`);
    const outputs = yield* this.values('(', ')', `of the outputs of ${name.text}`);
    const listStart = scan.peek() === '<' ? scan.at : undefined;
    const values =
      listStart === undefined ? [] : yield* this.values('<', '>', `of the values of ${name.text}`);
    const valueList = listStart === undefined ? undefined : { start: listStart, end: scan.at };
    const bodyStart =
      scan.peek() === '{' ? scan.at : scan.fail(`"{" is missing before the nodes of ${name.text}`);
    scan.takes('{');
    const nodes: NodeSyntax[] = [];
    while (!scan.takes('}')) {
      if (scan.atEnd()) {
        this.note(
          new Unexpected(`"}" is missing after the nodes of ${name.text}.`, bodyStart, bodyStart + 1),
        );
        break;
      }
      this.nodeInto(nodes, depth);
      if (nodes.length % 64 === 0) yield;
    }
    const body = { start: bodyStart, end: scan.at };
    return {
      kind,
      header,
      name,
      attributes,
      inputs,
      outputs,
      values,
      valueList,
      nodes,
      body,
      start,
      end: scan.at,
    };
  }

  /** Reads one node; after a mistake the place is behind it. */
  private nodeInto(nodes: NodeSyntax[], depth: number): void {
    const { at } = this.scan;
    try {
      nodes.push(this.node(depth));
    } catch (error) {
      this.note(error);
      this.scan.recover(at);
    }
  }

  private functionAttributes(): AttributeSyntax[] {
    const found: AttributeSyntax[] = [];
    while (this.scan.peek() !== '>') {
      const name = this.name('attribute', 'The name of an attribute is missing');
      const next = this.scan.peek();
      if (next === ':' || next === '=') found.push(this.attributeAfter(name, 0));
      else found.push({ name, type: undefined, value: undefined, start: name.start, end: name.end });
      if (!this.scan.takes(',')) break;
    }
    this.scan.expect('>', 'after the attributes of the function');
    return found;
  }

  private *values(open: string, close: string, of: string): Steps<ValueSyntax[]> {
    const { scan } = this;
    const found: ValueSyntax[] = [];
    scan.expect(open, `before the list ${of}`);
    while (scan.peek() !== close) {
      const start = scan.at;
      const type = this.nextIsType() ? parseType(scan, this.marks) : undefined;
      const name = this.name('value', `A name is missing in the list ${of}`);
      const data = scan.takes('=') ? this.data(name.text) : undefined;
      found.push({ type, name, data, start, end: data?.end ?? name.end });
      if (found.length % 64 === 0) yield;
      if (!scan.takes(',')) break;
    }
    scan.expect(close, `after the list ${of}`);
    return found;
  }

  /** A word that types start with, unless it is followed by what follows names: a value may be called `map`. */
  private nextIsType(): boolean {
    const word = this.scan.peekIdentifier();
    if (!isTypeWord(word)) return false;
    const behind = /^\s*([^\s#])/.exec(
      this.text.slice(this.scan.at + word.length, this.scan.at + word.length + 80),
    );
    return behind === null || !',)>='.includes(behind[1]!);
  }

  private data(of: string): DataSyntax {
    const { scan } = this;
    const sign = scan.peek();
    const start = scan.at;
    if (sign === '{') {
      scan.at += 1;
      scan.skipBraces(start);
      return { form: 'values', start, end: scan.at };
    }
    if (sign !== '[') scan.fail(`The values of ${of} are missing: {1, 2} or ["location": "file"]`);
    scan.at += 1;
    const entries: StringEntry[] = [];
    while (scan.peek() !== ']') {
      const { text } = scan.quoted(`in the place of ${of}`);
      scan.expect(':', `after "${text}"`);
      entries.push({ key: text, value: scan.quoted(`after "${text}"`).text });
      if (!scan.takes(',')) break;
    }
    scan.expect(']', `after the place of ${of}`);
    return { form: 'external', entries, start, end: scan.at };
  }

  private node(depth: number): NodeSyntax {
    const { scan } = this;
    scan.skip();
    const start = scan.at;
    let label: Mark | undefined;
    if (scan.takes('[')) {
      label = this.optionalName('label');
      scan.expect(']', 'after the name of the node');
    }
    const outputs = this.names();
    scan.expect('=', outputs.length === 0 ? 'before the operator' : `after ${outputs.at(-1)!.text || '""'}`);
    const { domain, operator, overload } = this.operator();
    let attributes = scan.takes('<') ? this.attributes(operator.text, depth) : [];
    scan.expect('(', `before the inputs of ${operator.text}`);
    const inputs = this.names();
    scan.expect(')', `after the inputs of ${operator.text}`);
    let end = scan.at;
    if (attributes.length === 0 && scan.takes('<')) {
      attributes = this.attributes(operator.text, depth);
      end = scan.at;
    }
    return { label, outputs, domain, operator, overload, attributes, inputs, start, end };
  }

  /** Names between commas; one that is left out is an absent value, a comma at the end says nothing. */
  private names(): Mark[] {
    const { scan } = this;
    const found: Mark[] = [];
    for (;;) {
      const name = this.optionalName('value');
      const more = scan.takes(',');
      if (name) found.push(name);
      else if (more) found.push(this.mark('value', '', scan.at - 1, scan.at - 1));
      if (!more) return found;
    }
  }

  /** `com.microsoft.Gelu`, `Add`, `pkg.Helper:overload`. */
  private operator(): Pick<NodeSyntax, 'domain' | 'operator' | 'overload'> {
    const { scan } = this;
    scan.skip();
    const start = scan.at;
    const path = /^[A-Za-z_][\w-]*(?:\s*\.\s*[A-Za-z_0-9][\w-]*)*/.exec(
      this.text.slice(start, start + 1000),
    )?.[0];
    if (path === undefined) return scan.fail('The operator is missing');
    scan.at += path.length;
    const dot = path.lastIndexOf('.');
    const own = path.slice(dot + 1);
    const name = own.trimStart();
    const operator = this.mark('operator', name, scan.at - name.length, scan.at);
    const overload = scan.takes(':') ? this.identifier('operator', 'The overload is missing').text : '';
    return { domain: dot < 0 ? '' : path.slice(0, dot).replace(/\s/g, ''), operator, overload };
  }

  private attributes(of: string, depth: number): AttributeSyntax[] {
    const found: AttributeSyntax[] = [];
    while (this.scan.peek() !== '>') {
      const name = this.identifier('attribute', `The name of an attribute of ${of} is missing`);
      found.push(this.attributeAfter(name, depth));
      if (!this.scan.takes(',')) break;
    }
    this.scan.expect('>', `after the attributes of ${of}`);
    return found;
  }

  private attributeAfter(name: Mark, depth: number): AttributeSyntax {
    const { scan } = this;
    const type = scan.takes(':')
      ? this.identifier('attributeType', `The type of ${name.text} is missing`)
      : undefined;
    scan.expect('=', `after ${name.text}`);
    const value = this.attributeValue(name.text, depth);
    return { name, type, value, start: name.start, end: value.end };
  }

  private attributeValue(of: string, depth: number): AttributeValueSyntax {
    const { scan } = this;
    scan.skip();
    const start = scan.at;
    if (scan.takes('[')) {
      const items: AttributeValueSyntax[] = [];
      while (scan.peek() !== ']') {
        items.push(this.single(of, depth));
        if (!scan.takes(',')) break;
      }
      scan.expect(']', `after the list of ${of}`);
      return { kind: 'list', items, start, end: scan.at };
    }
    return this.single(of, depth);
  }

  private single(of: string, depth: number): AttributeValueSyntax {
    const { scan } = this;
    scan.skip();
    const start = scan.at;
    if (scan.takes('@')) {
      const name = this.name(
        'attributeReference',
        'The name of the function\'s attribute is missing after "@"',
      );
      return { kind: 'reference', name, start, end: scan.at };
    }
    if (scan.nextIsQuoted()) {
      const { text, end } = scan.quoted('');
      // A body may have any name.
      if (scan.peek() === '(') return this.body(this.mark('graph', text, start, end), depth);
      return { kind: 'string', value: text, start, end };
    }
    const sign = this.text.charCodeAt(scan.at);
    if (isDigit(sign) || this.text[scan.at] === '-' || scan.nextIsNumberWord()) {
      const number = scan.number(`for ${of}`);
      return 'int' in number
        ? { kind: 'int', value: number.int, start, end: scan.at }
        : { kind: 'float', value: number.float, start, end: scan.at };
    }
    if (isTypeWord(scan.peekIdentifier())) return this.typed(of, start);
    if (!scan.nextIsIdentifier()) scan.fail(`The value of ${of} is missing`);
    return this.body(this.identifier('graph', ''), depth);
  }

  private typed(of: string, start: number): AttributeValueSyntax {
    const { scan } = this;
    const type = parseType(scan, this.marks);
    const end = scan.at;
    const next = scan.peek();
    if (next !== '{' && next !== '=' && !scan.nextIsIdentifier() && !scan.nextIsQuoted())
      return { kind: 'type', type, start, end };
    let name = '';
    if (scan.nextIsQuoted()) name = scan.quoted('').text;
    else if (scan.nextIsIdentifier()) {
      name = scan.peekIdentifier();
      scan.at += name.length;
    }
    scan.takes('=');
    const sign = scan.peek();
    const data = sign === '{' || sign === '[' ? this.data(of) : undefined;
    return { kind: 'tensor', type, name, data, start, end: scan.at };
  }

  private body(name: Mark, depth: number): AttributeValueSyntax {
    const graph = inOneGo(this.graphInSteps('graph', undefined, name.start, depth + 1, name));
    return { kind: 'graph', graph, start: name.start, end: graph.end };
  }
}

/** A model's header may name a domain too, but it has a version of the format. */
const isFunctionHeader = (header: HeaderSyntax | undefined): boolean => {
  const has = (name: string) => header?.fields.some((field) => field.name.text === name) ?? false;
  return !has('ir_version') && (has('overload') || has('domain'));
};
