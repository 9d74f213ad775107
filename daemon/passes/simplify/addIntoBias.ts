// Conv followed by the addition of a constant per channel becomes Conv with a bias: some exporters write
// biases that way, and quantizing wants them inside.

import { breathe } from '../../base/task';
import { floatTensor } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph } from '../../ir/graphIndex';
import type { Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { Names } from '../names';
import type { Pass } from '../pass';
import { constantTensors, isOp, onlyConsumer, removeNodes } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';

/** True when `dims`, broadcast to a convolution's output of that rank, varies along the channel axis only. */
function isPerChannel(dims: readonly number[], rank: number, channels: number): boolean {
  const axis = dims.length - (rank - 1);
  if (dims.length > rank) return false;
  return dims.every((dim, i) => dim === 1 || (i === axis && dim === channels));
}

/** Moves constants that are added after a Conv into its bias; `read` gives the weights. */
export const addIntoBias = (read: TensorReader): Pass => ({
  name: 'add into bias',
  async run(model, task) {
    const copy = cloneModel(model);
    const { graph } = copy;
    const index = indexGraph(graph);
    const constants = constantTensors(graph);
    const names = new Names(copy);
    const gone = new Set<Node>();
    const float = (name: string | undefined): Tensor | undefined => {
      const tensor = constants.get(name ?? '');
      return tensor?.dataType === DataType.FLOAT ? tensor : undefined;
    };
    for (const conv of graph.nodes) {
      const weight = isOp(conv, 'Conv') ? float(conv.inputs[1]) : undefined;
      const add = weight && onlyConsumer(conv.outputs[0] ?? '', index);
      if (!isOp(add, 'Add') || !weight) continue;
      const addend = float(add.inputs.find((name) => name !== conv.outputs[0]));
      const channels = weight.dims[0] ?? 0;
      if (!addend || !isPerChannel(addend.dims, weight.dims.length, channels)) continue;
      const oldName = conv.inputs[2] ?? '';
      const oldBias = float(oldName);
      if (oldName !== '' && oldBias?.dims[0] !== channels) continue;
      await breathe(task);
      const added = await floatsOf(read, addend);
      const before = oldBias && (await floatsOf(read, oldBias));
      const spread = elementCount(addend.dims) === 1;
      const bias = Float32Array.from(
        { length: channels },
        (_, c) => (before?.[c] ?? 0) + added[spread ? 0 : c]!,
      );
      const name = names.fresh(`${addend.name}_bias`);
      graph.initializers.push(floatTensor(name, [channels], bias));
      conv.inputs = [conv.inputs[0]!, conv.inputs[1]!, name];
      conv.outputs = [add.outputs[0]!];
      gone.add(add);
    }
    if (gone.size === 0) return { model, modified: false };
    removeNodes(graph, gone);
    return { model: copy, modified: true };
  },
});
