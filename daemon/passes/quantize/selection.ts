// Which nodes may be quantized, as a user says it: by operator, by name, by a pattern with * and ?.

import type { Graph, Node } from '../../ir/model';
import { indexGraph } from '../../ir/graphIndex';
import { isOp, isStandard, onlyConsumer } from '../rewrite';
import { nameOf } from './outcome';

export interface Selection {
  /** Only these, when there are any. */
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** Only nodes of these operators, when there are any. */
  readonly includeOps?: readonly string[] | undefined;
  readonly excludeOps?: readonly string[] | undefined;
}

export interface Selected {
  /** Names of the nodes that must stay in float. */
  readonly exclude: ReadonlySet<string>;
  /** Words that fit no node at all. */
  readonly unmatched: readonly string[];
}

/** `*` stands for any text, `?` for one character; everything else is meant literally. */
export function globPattern(glob: string): RegExp {
  const text = glob
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^${text}$`, 'su');
}

/** Applies a selection to the nodes of the main graph. */
export function selectNodes(graph: Graph, selection: Selection): Selected {
  const unmatched: string[] = [];
  const matcher = (words: readonly string[] | undefined, textOf: (node: Node) => readonly string[]) => {
    if (words === undefined || words.length === 0) return undefined;
    const patterns = words.map((word) => ({ word, pattern: globPattern(word) }));
    const fits = (node: Node, { pattern }: { pattern: RegExp }) =>
      textOf(node).some((text) => pattern.test(text));
    for (const each of patterns) if (!graph.nodes.some((node) => fits(node, each))) unmatched.push(each.word);
    return (node: Node) => patterns.some((each) => fits(node, each));
  };
  const names = (node: Node) => [nameOf(node), ...node.outputs];
  const op = (node: Node) => [isStandard(node) ? node.opType : `${node.domain}.${node.opType}`];
  const included = matcher(selection.include, names);
  const excluded = matcher(selection.exclude, names);
  const includedOp = matcher(selection.includeOps, op);
  const excludedOp = matcher(selection.excludeOps, op);
  const isExcluded = (node: Node) => excluded?.(node) === true || excludedOp?.(node) === true;
  const isIncluded = (node: Node) => included?.(node) !== false && includedOp?.(node) !== false;
  // A Relu or Clip that alone reads a layer's result is part of that layer's kernel: "only Conv" means it too.
  const index = indexGraph(graph);
  const partOfIncluded = (node: Node) => {
    const [input = ''] = node.inputs;
    const producer = index.producer.get(input);
    const part = isOp(node, 'Relu', 'Clip') && producer && onlyConsumer(input, index) === node;
    return part === true && isIncluded(producer) && !isExcluded(producer);
  };
  const stays = (node: Node) => isExcluded(node) || !(isIncluded(node) || partOfIncluded(node));
  return { exclude: new Set(graph.nodes.filter(stays).map(nameOf)), unmatched };
}
