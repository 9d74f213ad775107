// A comparison as the plain values that other programs read, and as one sentence.

import type { ModelDiff } from '../diff';

/** Plain values without the pairs, which are bulk. */
export function diffReport(diff: ModelDiff) {
  return {
    related: diff.related,
    same: diff.same,
    summary: summary(diff),
    nodes: {
      a: diff.nodesA,
      b: diff.nodesB,
      paired: diff.paired,
      unchanged: diff.paired - diff.changed.length,
      renamed: diff.renamed,
      added: diff.added.map((each) => ({ ...each })),
      removed: diff.removed.map((each) => ({ ...each })),
      changed: diff.changed.map(({ a, b, attributes, weights, inputs }) => ({
        a: { ...a },
        b: { ...b },
        attributes: attributes.map((each) => ({ ...each })),
        weights: weights.map((each) => ({ ...each })),
        inputs: inputs.map((each) => ({ ...each })),
      })),
      replaced: diff.replaced.map(({ from, to, ...rest }) => ({ ...rest, from: [...from], to: [...to] })),
      moved: diff.moved,
    },
    initializers: {
      unchanged: diff.initializers.unchanged,
      changed: diff.initializers.changed.map((each) => ({ ...each })),
      added: [...diff.initializers.added],
      removed: [...diff.initializers.removed],
    },
    io: {
      inputs: diff.inputs.map((each) => ({ ...each })),
      outputs: diff.outputs.map((each) => ({ ...each })),
    },
    model: diff.header.map((each) => ({ ...each })),
  };
}

const plural = (count: number, noun: string) =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

function summary(diff: ModelDiff): string {
  if (!diff.related)
    return `The two models have nothing in common to compare: one has ${plural(diff.nodesA, 'node')}, the other ${diff.nodesB.toLocaleString('en')}, and hardly any two of them do the same in the same place.`;
  if (diff.same)
    return diff.renamed > 0
      ? `The models are the same but for the names of ${plural(diff.renamed, 'node')}.`
      : 'The models are the same.';
  const weights = diff.changed.filter((each) => each.weights.length > 0).length;
  const others = diff.changed.filter((each) => each.attributes.length + each.inputs.length > 0).length;
  const merged = diff.replaced.filter(({ how }) => how === 'fused' || how === 'folded');
  const fused = merged.reduce((sum, { from }) => sum + from.length, 0);
  const rest = diff.replaced.length - merged.length;
  const parts = [
    diff.added.length > 0 ? `${plural(diff.added.length, 'node')} added` : '',
    diff.removed.length > 0 ? `${diff.removed.length.toLocaleString('en')} removed` : '',
    fused > 0 ? `${fused.toLocaleString('en')} fused or folded` : '',
    rest > 0 ? `${plural(rest, 'place')} rewritten` : '',
    weights > 0 ? `weights of ${plural(weights, 'node')} changed` : '',
    others > 0 ? `attributes or inputs of ${others.toLocaleString('en')} changed` : '',
    diff.inputs.length + diff.outputs.length > 0 ? 'inputs or outputs changed' : '',
    diff.header.length > 0 ? 'header changed' : '',
  ].filter((part) => part !== '');
  const pairs = `${diff.paired.toLocaleString('en')} of ${plural(diff.nodesA, 'node')} live on`;
  return `${pairs}: ${parts.join(', ')}.`;
}
