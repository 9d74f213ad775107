// What is wrong with a model that could be read: its structure, its operators, its functions. Each rule is a
// function under checks/. What the bytes of the file did wrong is the reader's to say; shapes are inferShapes'.

import type { Diagnostic } from '../base/diagnostic';
import type { Model } from '../ir/model';
import { newFindings, placeOf } from './checks/findings';
import { checkFunctions } from './checks/functions';
import { checkImports, checkOperators } from './checks/operators';
import { checkOrder } from './checks/order';
import {
  checkNodeNames,
  checkProducers,
  checkStatedShapes,
  checkUnused,
  collectNames,
  type Names,
} from './checks/values';
import { allGraphs, functionKey, functionScope, type ScopedGraph } from './scopes';
import type { CaptureCache } from '../ir/graphIndex';

/** Checks a model, nested graphs and functions included. Linear in its size; never throws; the worst comes first. */
export function checkModel(model: Model): Diagnostic[] {
  const findings = newFindings();
  const { graph } = model;
  if (graph.nodes.length === 0 && graph.outputs.length === 0) {
    findings.add('error', 'graph/empty', 'The model holds no graph: there are no nodes and no outputs.');
  } else if (graph.outputs.length === 0) {
    findings.add(
      'error',
      'graph/no-output',
      'The graph has no output, so nothing that it computes can be read.',
    );
  }
  if (graph.nodes.length > 0 || model.opsetImports.length > 0) checkImports(model.opsetImports, '', findings);
  for (const definition of model.functions) {
    checkImports(definition.opsetImports, functionScope(definition), findings);
  }
  checkFunctions(model, findings);

  const functions = new Set(
    model.functions.map((each) => functionKey(each.domain, each.name, each.overload)),
  );
  const captures: CaptureCache = new Map();
  const namesOf = new Map<ScopedGraph, Names>();
  for (const scoped of allGraphs(model)) {
    const outer = scoped.outer && namesOf.get(scoped.outer);
    const names = collectNames(scoped, outer, findings);
    namesOf.set(scoped, names);
    checkProducers(scoped, names, findings);
    checkOrder(scoped, captures, findings);
    checkOperators(scoped, model, functions, findings);
    checkUnused(scoped, captures, findings);
    checkStatedShapes(scoped, findings);
    checkNodeNames(scoped, findings);
    if (scoped.path !== '' && !scoped.functionDef && scoped.graph.outputs.length === 0) {
      findings.add(
        'warning',
        'graph/no-output',
        `The body ${scoped.path} has no output.`,
        placeOf(scoped.path),
      );
    }
  }
  return findings.all();
}
