// What is wrong with a text: its syntax, what its values do not fit, and what the checks of the model behind it find,
// each at the name that it is about.

import type { Diagnostic } from '../../base/diagnostic';
import type { GraphSyntax, Span } from '../../onnx/text/syntax';
import { toModel } from '../../onnx/text/toModel';
import { checkModel } from '../checks';
import { inferShapes } from '../shapes';
import type { LanguageDocument } from './document';

export interface TextProblem extends Span {
  readonly id: string;
  readonly severity: Diagnostic['severity'];
  readonly message: string;
}

const mostProblems = 200;

/** Problems of a text; the model behind it is looked at only when the syntax is sound. */
export function checkText(document: LanguageDocument): TextProblem[] {
  const { syntax } = document;
  const written = (id: string) => (each: Span & { readonly message: string }) => ({
    id,
    severity: 'error' as const,
    message: each.message,
    start: each.start,
    end: each.end,
  });
  const problems: TextProblem[] = syntax.problems.map(written('text/syntax'));
  if (problems.length > 0 || !syntax.graph || !syntax.header) return problems;
  const { model, problems: values } = toModel(syntax);
  problems.push(...values.map(written('text/value')));
  const found = [...checkModel(model), ...inferShapes(model).diagnostics];
  for (const { id, severity, message, where } of found.slice(0, mostProblems)) {
    const place = (where && placeOf(document, where)) ?? syntax.graph.name;
    problems.push({ id, severity, message, start: place.start, end: place.end });
  }
  return problems;
}

/** The name that a diagnostic is about: the node's label or operator, the value where it is made. */
function placeOf(document: LanguageDocument, where: NonNullable<Diagnostic['where']>): Span | undefined {
  const graphs: GraphSyntax[] = [...document.names.graphs.keys()];
  const main = document.syntax.graph;
  const inside =
    where.scope === undefined || where.scope === '' ? graphs.filter((each) => each === main) : graphs;
  for (const graph of inside) {
    if (where.node !== undefined)
      for (const node of graph.nodes)
        if (node.label?.text === where.node || node.outputs.some(({ text }) => text === where.node))
          return node.label ?? node.operator;
    if (where.value !== undefined) {
      const entry = document.names.graphs.get(graph)?.values.get(where.value);
      const mark = entry?.made[0]?.mark ?? entry?.declared[0] ?? entry?.read[0]?.mark;
      if (mark) return mark;
    }
  }
  const outside = where.value === undefined ? undefined : document.names.outside.get(where.value);
  return outside?.read[0]?.mark;
}
