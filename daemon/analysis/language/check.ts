// What is wrong with a text: its syntax, what its values do not fit, and what the checks of the model behind it find,
// each at the name that it is about.

import type { Diagnostic } from '../../base/diagnostic';
import { breathe, breathing, type Task } from '../../base/task';
import type { Span } from '../../onnx/text/syntax';
import { buildingModel } from '../../onnx/text/toModel';
import { checking } from '../checks';
import { withSeverities, type Severities } from '../checks/severity';
import { withoutRepeats } from '../inspect';
import { inferring } from '../shapes';
import type { LanguageDocument } from './document';
import { Places } from './places';

export interface TextProblem extends Span {
  readonly id: string;
  readonly severity: Diagnostic['severity'];
  readonly message: string;
}

const mostProblems = 200;

/**
 * Problems of a text, with the severities that the user wants; the model behind it is looked at only when the syntax
 * is sound. A cancelled task ends it with a throw.
 */
export async function checkText(
  document: LanguageDocument,
  task: Task,
  rules?: Severities,
): Promise<TextProblem[]> {
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
  const { model, problems: values } = await breathing(buildingModel(syntax), task);
  problems.push(...values.map(written('text/value')));
  const shapes = await breathing(inferring(model), task);
  const findings = await breathing(checking(model, { shapes }), task);
  const found = withSeverities(withoutRepeats([...findings, ...shapes.diagnostics]), rules);
  await breathe(task);
  const places = await Places.of(syntax, task);
  for (const { id, severity, message, where } of found.slice(0, mostProblems)) {
    const place = (where && (await places.find(where))) ?? syntax.graph.name;
    problems.push({ id, severity, message, start: place.start, end: place.end });
  }
  return problems;
}
