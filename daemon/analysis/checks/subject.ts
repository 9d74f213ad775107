// What a check of one graph is given, and the words that several checks share.

import type { CaptureCache, GraphIndex } from '../../ir/graphIndex';
import type { Model, Node, OpsetImport } from '../../ir/model';
import type { ScopedGraph } from '../scopes/scopes';
import type { InferredGraph } from '../shapes';
import { called, type Findings, placeOfNode } from './findings';
import { ruleOf, type RuleId } from './rules';

export interface Subject {
  readonly model: Model;
  readonly scoped: ScopedGraph;
  /** Who writes and reads what. */
  readonly index: GraphIndex;
  /** What is known of the values of this graph. */
  readonly types: InferredGraph | undefined;
  /** Versions of operator sets by domain, "" for the standard one. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Keys of model-local functions. */
  readonly functions: ReadonlySet<string>;
  readonly captures: CaptureCache;
  readonly findings: Findings;
}

export function newSubject(given: Omit<Subject, 'opsets'>): Subject {
  const imports = given.scoped.functionDef?.opsetImports ?? given.model.opsetImports;
  return { ...given, opsets: opsetsOf(imports) };
}

export const opsetsOf = (imports: readonly OpsetImport[]): ReadonlyMap<string, number> =>
  new Map(imports.map((each) => [each.domain === 'ai.onnx' ? '' : each.domain, each.version]));

/** Values of the default operator set: its operators are the ones that the checks know. */
export const isStandard = (node: Node, opType: string): boolean =>
  node.opType === opType && (node.domain === '' || node.domain === 'ai.onnx');

/**
 * Reports a rule once for a graph: the first node stands for all. `sentence` is given the first node's name and
 * " and N more like it", or nothing.
 */
export function reportNodes(
  { scoped, findings }: Subject,
  id: RuleId,
  nodes: readonly number[],
  sentence: (first: string, more: string, count: number) => string,
): void {
  const [first] = nodes;
  if (first === undefined) return;
  const node = scoped.graph.nodes[first]!;
  const more = nodes.length === 1 ? '' : ` (and ${nodes.length - 1} more like it)`;
  findings.add(
    ruleOf(id).severity,
    id,
    sentence(called(node, first), more, nodes.length),
    placeOfNode(scoped.path, node, first),
  );
}
