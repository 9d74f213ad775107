// Cross-layer equalization (Nagel et al., Data-Free Quantization, 2019, §4.1): output channel i of one layer is
// divided by s_i and input channel i of the next multiplied by it, so that both have the same range in every
// channel. Legal where only Relu, LeakyRelu, MaxPool, AveragePool or Identity lie between, because they commute with a
// positive factor, and where nobody else reads what is scaled. The function of the model does not change.

import { breathe, type Task } from '../../base/task';
import { cloneModel } from '../../ir/clone';
import { indexGraph } from '../../ir/graphIndex';
import type { Model } from '../../ir/model';
import type { Pass } from '../pass';
import { constantTensors, isOp, onlyConsumer } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { layerOf, Weights, type Layer } from './layers';

/** Rounds over all pairs; a chain of layers settles in a few. */
const mostRounds = 20;
const settled = 1e-3;

interface Pair {
  readonly first: Layer;
  readonly second: Layer;
}

function findPairs(model: Model, weights: Weights): Pair[] {
  const index = indexGraph(model.graph);
  const constants = constantTensors(model.graph);
  const pairs: Pair[] = [];
  for (const node of model.graph.nodes) {
    const first = layerOf(node, constants);
    if (!first || isOp(node, 'MatMul') || !weights.alone(first.weight.name)) continue;
    let next = onlyConsumer(node.outputs[0] ?? '', index);
    while (isOp(next, 'Relu', 'LeakyRelu', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'Identity')) {
      // A second output (positions of MaxPool) does not scale, but nobody minds.
      next = onlyConsumer(next.outputs[0] ?? '', index);
    }
    const second = next && layerOf(next, constants);
    if (!second || second.inputs !== first.outputs) continue;
    if (!weights.alone(second.weight.name)) continue;
    // A Conv's channels are not a Gemm's columns.
    if ((second.node.opType === 'Conv') !== (first.node.opType === 'Conv')) continue;
    pairs.push({ first, second });
  }
  return pairs;
}

/** Weights between two breaths. */
const stretch = 1 << 15;

/** Scales one pair; gives the largest change of a factor from 1. */
async function equalize({ first, second }: Pair, weights: Weights, task: Task): Promise<number> {
  let done = 0;
  const breath = async (weights: number) => {
    done += weights;
    if (done < stretch) return;
    done = 0;
    await breathe(task);
  };
  const a = await weights.of(first.node, 1);
  const b = await weights.of(second.node, 1);
  const bias = first.bias ? await weights.of(first.node, 2) : undefined;
  const ranges = new Float64Array(first.outputs);
  const nextRanges = new Float64Array(first.outputs);
  for (let c = 0; c < first.outputs; c += 1) {
    await breath(first.k);
    for (let k = 0; k < first.k; k += 1) ranges[c] = Math.max(ranges[c]!, Math.abs(a[first.at(c, k)]!));
  }
  for (let c = 0; c < second.outputs; c += 1) {
    await breath(second.k);
    for (let k = 0; k < second.k; k += 1) {
      const input = second.inputOf(c, k);
      nextRanges[input] = Math.max(nextRanges[input]!, Math.abs(b[second.at(c, k)]!));
    }
  }
  // A dead channel has nothing to even out, and its factor would be 0 or infinite.
  const factors = ranges.map((range, c) => {
    const factor = Math.sqrt(range / nextRanges[c]!);
    return factor > 1e-6 && factor < 1e6 ? factor : 1;
  });
  for (let c = 0; c < first.outputs; c += 1) {
    await breath(first.k);
    for (let k = 0; k < first.k; k += 1) a[first.at(c, k)]! /= factors[c]!;
    if (bias) bias[c]! /= factors[c]!;
  }
  for (let c = 0; c < second.outputs; c += 1) {
    await breath(second.k);
    for (let k = 0; k < second.k; k += 1) b[second.at(c, k)]! *= factors[second.inputOf(c, k)]!;
  }
  return factors.reduce((most, factor) => Math.max(most, Math.abs(factor - 1)), 0);
}

/** Evens out the ranges of channels between neighbouring layers of a simplified float model. */
export const crossLayerEqualize = (read: TensorReader): Pass => ({
  name: 'cross-layer equalization',
  async run(model, task) {
    const copy = cloneModel(model);
    const weights = new Weights(copy, read);
    const pairs = findPairs(copy, weights);
    if (pairs.length === 0) return { model, modified: false };
    for (let round = 0; round < mostRounds; round += 1) {
      let change = 0;
      for (const pair of pairs) {
        change = Math.max(change, await equalize(pair, weights, task));
      }
      if (change < settled) break;
    }
    weights.finish();
    return { model: copy, modified: true };
  },
});
