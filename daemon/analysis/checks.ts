// What is wrong with a model that could be read, or could be better: its structure, its operators, its functions,
// and families of advice. Each rule is a function under checks/; checks/rules.ts is the table of them. What the bytes
// of the file did wrong is the reader's to say; shapes are inferShapes'.

import type { Diagnostic } from '../base/diagnostic';
import { inOneGo, type Steps } from '../base/task';
import type { Model, Node } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { newFindings, placeOf } from './checks/findings';
import { checkFunctions } from './checks/functions';
import { checkImports, checkOperators } from './checks/operators';
import { checkOrder } from './checks/order';
import { checkInputs, checkWork } from './checks/performance';
import { checkOperatorDomains, checkPortability } from './checks/portability';
import { checkQuantization } from './checks/quantization';
import { checkFileSize, checkHugeValues, checkNames, checkPrograms } from './checks/safety';
import { checkSchemas } from './checks/schema';
import { checkDeadNodes, checkLargeConstants, checkUnusedFunctions } from './checks/size';
import { newSubject } from './checks/subject';
import {
  checkNodeNames,
  checkProducers,
  checkStatedShapes,
  checkUnused,
  collectNames,
  type Names,
} from './checks/values';
import { checkWeights, type WeightFacts } from './checks/weights';
import { allGraphs, functionKey, functionScope, type ScopedGraph } from './scopes/scopes';
import type { InferredGraph, ShapeInfo } from './shapes';
import { indexing, type CaptureCache } from '../ir/graphIndex';

/** What is known beside the model; rules that need what is absent are left out. */
export interface CheckFacts {
  readonly shapes?: ShapeInfo;
  /** Size of the model file. */
  readonly fileBytes?: number;
  /** What the values of initializers are like. */
  readonly weights?: ReadonlyMap<Tensor, WeightFacts>;
}

/** Checks a model, nested graphs and functions included. Linear in its size; never throws; the worst comes first. */
export const checkModel = (model: Model, facts: CheckFacts = {}): Diagnostic[] =>
  inOneGo(checking(model, facts));

/** The same in steps. */
export function* checking(model: Model, facts: CheckFacts = {}): Steps<Diagnostic[]> {
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
  checkUnusedFunctions(model, findings);
  checkPortability(model, findings);
  checkInputs(model, findings);
  if (facts.fileBytes !== undefined) checkFileSize(facts.fileBytes, findings);
  if (facts.weights) yield* checkWeights(model, facts.weights, findings);

  const functions = new Set(
    model.functions.map((each) => functionKey(each.domain, each.name, each.overload)),
  );
  const captures: CaptureCache = new Map();
  const namesOf = new Map<ScopedGraph, Names>();
  const typesOf = facts.shapes ? typesByNodes(facts.shapes) : undefined;
  for (const scoped of allGraphs(model)) {
    const outer = scoped.outer && namesOf.get(scoped.outer);
    const names = yield* collectNames(scoped, outer, findings);
    namesOf.set(scoped, names);
    yield* checkProducers(scoped, names, findings);
    yield* checkOrder(scoped, captures, findings);
    yield* checkOperators(scoped, model, functions, findings);
    yield* checkUnused(scoped, captures, findings);
    yield* checkStatedShapes(scoped, findings);
    yield* checkNodeNames(scoped, findings);
    const types = typesOf?.get(scoped.graph.nodes);
    const index = yield* indexing(scoped.graph);
    const subject = newSubject({ model, scoped, index, types, functions, captures, findings });
    for (const check of checksOfGraphs) yield* check(subject);
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

/** Checks that look at one graph, whatever they need to know of it. */
const checksOfGraphs = [
  checkSchemas,
  checkOperatorDomains,
  checkWork,
  checkDeadNodes,
  checkLargeConstants,
  checkQuantization,
  checkPrograms,
  checkNames,
  checkHugeValues,
];

/** Inferred graphs by the nodes that they are of; a function that is called often is one graph. */
function typesByNodes(main: InferredGraph): ReadonlyMap<readonly Node[], InferredGraph> {
  const found = new Map<readonly Node[], InferredGraph>();
  const pending: InferredGraph[] = [main];
  for (let graph = pending.pop(); graph; graph = pending.pop()) {
    if (found.has(graph.nodes)) continue;
    found.set(graph.nodes, graph);
    for (const bodies of graph.bodies.values()) pending.push(...bodies);
  }
  return found;
}
