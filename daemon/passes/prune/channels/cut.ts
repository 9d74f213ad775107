// Cuts a model: slices its initializers, corrects the constants and attributes of nodes, and states the new
// shapes. Which components go is the caller's choice.

import { breathe, type Task } from '../../../base/task';
import { cloneModel } from '../../../ir/clone';
import { int64Tensor, rawTensor } from '../../../ir/builder';
import { dataTypeBits } from '../../../ir/dataType';
import type { Model } from '../../../ir/model';
import { elementCount, type Tensor } from '../../../ir/tensor';
import { Names } from '../../names';
import type { TensorReader } from '../../tensorReader';
import type { Component, Structure } from './analyse';
import type { Kept } from './context';

/** Indices that stay, by value and axis; undefined where nothing goes. */
function keptAfter(structure: Structure, removed: Iterable<Component>): Kept {
  const gone = new Map<string, Set<number>>();
  for (const { members } of removed) {
    for (const element of members) {
      const { value, axis, base } = structure.elements.axisOf(element);
      const key = `${axis} ${value}`;
      const set = gone.get(key);
      if (set) set.add(element - base);
      else gone.set(key, new Set([element - base]));
    }
  }
  const kept = new Map<string, readonly number[]>();
  for (const [key, set] of gone) {
    const space = key.indexOf(' ');
    const { length } = structure.elements.axis(key.slice(space + 1), Number(key.slice(0, space)))!;
    kept.set(
      key,
      Array.from({ length }, (_, i) => i).filter((i) => !set.has(i)),
    );
  }
  return (value, axis) => kept.get(`${axis} ${value}`);
}

/** A new model without the given components; the structure's own is left as it is. */
export async function cutModel(
  structure: Structure,
  removed: readonly Component[],
  read: TensorReader,
  task: Task,
): Promise<{ model: Model; kept: Kept }> {
  const kept = keptAfter(structure, removed);
  const { model: original, elements, edits } = structure;
  const model = cloneModel(original);
  const names = new Names(model);
  const added: Tensor[] = [];
  const length = (value: string, axis: number) =>
    kept(value, axis)?.length ?? elements.axis(value, axis)?.length ?? Number.NaN;
  for (const [position, node] of original.graph.nodes.entries()) {
    for (const edit of edits.get(node) ?? []) {
      edit({
        node: model.graph.nodes[position]!,
        kept,
        length,
        integers: (values) => {
          const name = names.fresh('slipway_pruned');
          added.push(int64Tensor(name, [values.length], values));
          return name;
        },
      });
    }
  }
  const initializers: Tensor[] = [];
  for (const tensor of model.graph.initializers) {
    await breathe(task);
    const axes = tensor.dims.map((_, axis) => kept(tensor.name, axis));
    initializers.push(axes.some((axis) => axis) ? await sliced(tensor, axes, read, task) : tensor);
  }
  model.graph.initializers = [...initializers, ...added];
  for (const { name, type } of model.graph.valueInfo) {
    if (type?.kind !== 'tensor') continue;
    type.shape?.forEach((dim, axis) => {
      if (kept(name, axis)) dim.value = length(name, axis);
    });
  }
  return { model, kept };
}

async function sliced(
  tensor: Tensor,
  axes: readonly (readonly number[] | undefined)[],
  read: TensorReader,
  task: Task,
): Promise<Tensor> {
  const width = dataTypeBits(tensor.dataType)! / 8;
  let data = await read(tensor);
  let { dims } = tensor;
  for (const [axis, indices] of axes.entries()) {
    if (!indices) continue;
    const outer = elementCount(dims.slice(0, axis));
    const inner = elementCount(dims.slice(axis + 1)) * width;
    const length = dims[axis]!;
    const out = new Uint8Array(outer * indices.length * inner);
    for (let o = 0, to = 0; o < outer; o += 1) {
      for (const index of indices) {
        const from = (o * length + index) * inner;
        out.set(data.subarray(from, from + inner), to);
        to += inner;
      }
      await breathe(task);
    }
    data = out;
    dims = dims.map((dim, i) => (i === axis ? indices.length : dim));
  }
  return {
    ...rawTensor(tensor.name, tensor.dataType, dims, data),
    docString: tensor.docString,
    metadataProps: tensor.metadataProps,
  };
}
