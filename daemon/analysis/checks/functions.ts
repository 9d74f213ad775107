// Checks of model-local functions: defined once, and none that calls itself.

import { bodiesOf } from '../../ir/graphIndex';
import type { FunctionDef, Model, Node } from '../../ir/model';
import { functionKey, functionScope } from '../scopes/scopes';
import { placeOf, quoted, type Findings } from './findings';

const keyOf = (definition: FunctionDef) =>
  functionKey(definition.domain, definition.name, definition.overload);

export function checkFunctions(model: Model, findings: Findings): void {
  const byKey = new Map<string, FunctionDef>();
  for (const definition of model.functions) {
    const key = keyOf(definition);
    if (byKey.has(key)) {
      findings.add(
        'error',
        'function/twice',
        `The function ${quoted(key)} is defined twice.`,
        placeOf(functionScope(definition)),
      );
    }
    byKey.set(key, definition);
  }
  reportRecursion(byKey, findings);
}

/** Depth-first over the calls, without recursion of its own: a chain of calls may be as long as the file likes. */
function reportRecursion(byKey: ReadonlyMap<string, FunctionDef>, findings: Findings): void {
  const done = new Set<string>();
  for (const root of byKey.keys()) {
    if (done.has(root)) continue;
    const path: string[] = [root];
    const onPath = new Set(path);
    const waiting: string[][] = [calls(byKey, root)];
    while (path.length > 0) {
      const next = waiting.at(-1)!.pop();
      if (next === undefined) {
        waiting.pop();
        const left = path.pop()!;
        onPath.delete(left);
        done.add(left);
      } else if (onPath.has(next)) {
        const round = path.slice(path.indexOf(next));
        const text =
          round.length === 1
            ? `The function ${quoted(next)} calls itself.`
            : `The functions ${[...round.slice(0, 5), ...(round.length > 5 ? ['…'] : []), next].join(' → ')} call each other in a circle.`;
        findings.add(
          'error',
          'function/recursion',
          `${text} ONNX functions may not be recursive.`,
          placeOf(functionScope(byKey.get(next)!)),
        );
      } else if (!done.has(next)) {
        path.push(next);
        onPath.add(next);
        waiting.push(calls(byKey, next));
      }
    }
  }
}

/** Functions that a function's nodes, those in bodies included, call. */
function calls(byKey: ReadonlyMap<string, FunctionDef>, key: string): string[] {
  const called = new Set<string>();
  const pending: (readonly Node[])[] = [byKey.get(key)?.nodes ?? []];
  for (let nodes = pending.pop(); nodes; nodes = pending.pop()) {
    for (const node of nodes) {
      const target = functionKey(node.domain, node.opType, node.overload);
      if (byKey.has(target)) called.add(target);
      for (const body of bodiesOf(node)) pending.push(body.nodes);
    }
  }
  return [...called];
}
