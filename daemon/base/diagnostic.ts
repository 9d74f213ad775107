// A Diagnostic says what is wrong with a model, where, and what to do. Reading and analysing return them
// beside their result; they are never thrown.

export type Severity = 'error' | 'warning' | 'info';

/** Where in a model: every part that is known. */
export interface Place {
  /** Graph path: "" is the main graph, "If_3/then_branch" a body, "function com.acme:Norm" a function. */
  readonly scope?: string;
  /** Name of the node; absent where it has none. */
  readonly node?: string;
  /** Position of the node in its graph. */
  readonly index?: number;
  /** First output of a node without a name. */
  readonly output?: string;
  readonly value?: string;
  /** Byte offset in the file. */
  readonly byteOffset?: number;
}

export interface Diagnostic {
  /** Stable rule id such as `onnx/truncated`. */
  readonly id: string;
  readonly severity: Severity;
  /** A sentence for the user. */
  readonly message: string;
  readonly where?: Place;
}

/** The place as words: `node "Conv_3", value "x", byte 1042`; empty when nothing is known. */
export function placeText(where: Place | undefined): string {
  if (!where) return '';
  const parts: string[] = [];
  if (where.scope) parts.push(`graph ${where.scope}`);
  if (where.node !== undefined) parts.push(`node "${where.node}"`);
  else if (where.index !== undefined)
    parts.push(`node ${where.index}${where.output === undefined ? '' : `, giving "${where.output}"`}`);
  if (where.value !== undefined) parts.push(`value "${where.value}"`);
  if (where.byteOffset !== undefined) parts.push(`byte ${where.byteOffset}`);
  return parts.join(', ');
}

export const hasErrors = (diagnostics: readonly Diagnostic[]) =>
  diagnostics.some((d) => d.severity === 'error');
