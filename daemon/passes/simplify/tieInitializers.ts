// Initializers with the same type, shape and bytes become one.
// 1. Readers of the later one read the first; the later one goes. Bodies that read it are followed.
// Only tensors of the same type and shape are compared, by a digest that the caller computes (streamed, so that no
// weight is held). Tensors that are inputs or outputs of the graph stay: their names are the interface.

import { breathe } from '../../base/task';
import { rawByteLength } from '../../ir/dataType';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import type { TensorReader } from '../tensorReader';
import { scopePass } from './scope';

/** A digest of a tensor's values, the same for the same bytes however they are stored. */
export type TensorDigest = (tensor: Tensor) => Promise<string>;

/** Ties duplicate initializers. */
export const tieInitializers = (read: TensorReader, digest: TensorDigest): Pass =>
  scopePass('tie equal initializers', read, async (scope, task) => {
    const groups = new Map<string, Tensor[]>();
    for (const tensor of scope.graph.initializers) {
      const { name, dataType, dims } = tensor;
      if (scope.constant(name) !== tensor || scope.isOutput(name)) continue;
      if (rawByteLength(dataType, elementCount(dims)) === undefined) continue;
      const key = `${dataType}:${dims.join(',')}`;
      const group = groups.get(key);
      if (group) group.push(tensor);
      else groups.set(key, [tensor]);
    }
    for (const group of groups.values()) {
      if (group.length < 2) continue;
      const seen = new Map<string, Tensor>();
      for (const tensor of group) {
        await breathe(task);
        const key = await digest(tensor);
        const first = seen.get(key);
        if (!first) seen.set(key, tensor);
        else if (scope.redirect(tensor.name, first.name)) scope.removeConstant(tensor);
      }
    }
  });
