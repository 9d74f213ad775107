// The block list a user writes: operator types, node names, or patterns with * and ?.

import type { Node } from '../../ir/model';
import { nameOf } from '../quantize/outcome';
import { globPattern } from '../quantize/selection';

/** Whether a node's operator type (`Softmax`, `com.microsoft.Gelu`) or name matches one of the patterns. */
export function nodeMatcher(patterns: readonly string[]): (node: Node) => boolean {
  const matchers = patterns.map(globPattern);
  return (node) => {
    const words = [node.opType, nameOf(node)];
    if (node.domain !== '') words.push(`${node.domain}.${node.opType}`);
    return matchers.some((matcher) => words.some((word) => matcher.test(word)));
  };
}

/** The patterns that match no node at all, which a user would want to hear of. */
export const idlePatterns = (patterns: readonly string[], nodes: readonly Node[]): string[] =>
  patterns.filter((pattern) => !nodes.some(nodeMatcher([pattern])));
