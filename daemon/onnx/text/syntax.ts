// The syntax tree of ONNX's textual form: what stands where in a text, whether or not it makes a model. Offsets count
// UTF-16 units from the start of the text, as editors do.

import type { StringEntry, Type } from '../../ir/model';

export interface Span {
  readonly start: number;
  readonly end: number;
}

export type MarkKind =
  | 'value'
  | 'label'
  | 'operator'
  | 'attribute'
  | 'attributeType'
  | 'attributeReference'
  | 'type'
  | 'dimension'
  | 'field'
  | 'graph'
  | 'function';

/** A name in the text; `text` is what it says without quotes and escapes. */
export interface Mark extends Span {
  readonly kind: MarkKind;
  readonly text: string;
}

/** A mistake in the text. */
export interface SyntaxProblem extends Span {
  readonly message: string;
}

/** `ir_version: 8, opset_import: ["" : 17]` between angle brackets. */
export interface HeaderSyntax extends Span {
  readonly fields: readonly FieldSyntax[];
}

export interface FieldSyntax extends Span {
  readonly name: Mark;
  readonly value:
    | { readonly kind: 'number'; readonly value: bigint }
    | { readonly kind: 'text'; readonly value: string }
    | { readonly kind: 'versions'; readonly value: readonly { domain: string; version: bigint }[] }
    | { readonly kind: 'entries'; readonly value: readonly StringEntry[] };
}

/** Values between braces, which are decoded when they are wanted, or where they lie in another file. */
export type DataSyntax =
  | (Span & { readonly form: 'values' })
  | (Span & { readonly form: 'external'; readonly entries: readonly StringEntry[] });

/** An input, output, initializer or typed value. */
export interface ValueSyntax extends Span {
  readonly type: Type | undefined;
  readonly name: Mark;
  readonly data: DataSyntax | undefined;
}

export type AttributeValueSyntax = Span &
  (
    | { readonly kind: 'int'; readonly value: bigint }
    | { readonly kind: 'float'; readonly value: number }
    | { readonly kind: 'string'; readonly value: string }
    | {
        readonly kind: 'tensor';
        readonly type: Type;
        readonly name: string;
        readonly data: DataSyntax | undefined;
      }
    | { readonly kind: 'type'; readonly type: Type }
    | { readonly kind: 'graph'; readonly graph: GraphSyntax }
    | { readonly kind: 'reference'; readonly name: Mark }
    | { readonly kind: 'list'; readonly items: readonly AttributeValueSyntax[] }
  );

export interface AttributeSyntax extends Span {
  readonly name: Mark;
  readonly type: Mark | undefined;
  /** Absent for a function's attribute without a default. */
  readonly value: AttributeValueSyntax | undefined;
}

export interface NodeSyntax extends Span {
  readonly label: Mark | undefined;
  readonly outputs: readonly Mark[];
  readonly domain: string;
  readonly operator: Mark;
  readonly overload: string;
  readonly attributes: readonly AttributeSyntax[];
  readonly inputs: readonly Mark[];
}

/** A graph, a body of a node, or a function. */
export interface GraphSyntax extends Span {
  readonly kind: 'graph' | 'function';
  readonly header: HeaderSyntax | undefined;
  readonly name: Mark;
  /** Of a function. */
  readonly attributes: readonly AttributeSyntax[];
  readonly inputs: readonly ValueSyntax[];
  readonly outputs: readonly ValueSyntax[];
  /** Initializers and types of values, between angle brackets. */
  readonly values: readonly ValueSyntax[];
  readonly valueList: Span | undefined;
  readonly nodes: readonly NodeSyntax[];
  /** From brace to brace. */
  readonly body: Span;
}

export interface TextSyntax {
  readonly text: string;
  /** The header of a model; a function's own header is in `functions`. */
  readonly header: HeaderSyntax | undefined;
  readonly graph: GraphSyntax | undefined;
  readonly functions: readonly GraphSyntax[];
  /** Every name, in the order of the text. */
  readonly marks: readonly Mark[];
  readonly comments: readonly Span[];
  readonly problems: readonly SyntaxProblem[];
}
