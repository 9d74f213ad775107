// Reshape, Flatten, Squeeze, Unsqueeze and Transpose of a constant become the constant in its new shape, so
// that a weight is seen as a weight. Bytes are shared unless elements change places (Transpose).

import { breathe } from '../../base/task';
import { intAttribute, intsAttribute } from '../../ir/attributes';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import type { Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { constantTensors, isOp, removeNodes } from '../rewrite';
import { floatsOf, integersOf, withFloats, type TensorReader } from '../tensorReader';

/** Numbers of a second input or, in older operator sets, of the attribute; undefined when not constant. */
async function numbersOf(
  node: Node,
  attribute: string,
  constants: ReadonlyMap<string, Tensor>,
  read: TensorReader,
): Promise<number[] | undefined> {
  const name = node.inputs[1] ?? '';
  if (name === '') return intsAttribute(node, attribute);
  const tensor = constants.get(name);
  return tensor?.dataType === DataType.INT64 ? integersOf(read, tensor) : undefined;
}

function reshaped(
  dims: readonly number[],
  wanted: readonly number[],
  allowZero: boolean,
): number[] | undefined {
  const result = wanted.map((dim, i) => (dim === 0 && !allowZero ? (dims[i] ?? 0) : dim));
  const open = result.indexOf(-1);
  if (open >= 0) {
    const others = elementCount(result.filter((_, i) => i !== open));
    result[open] = others === 0 ? 0 : elementCount(dims) / others;
  }
  return elementCount(result) === elementCount(dims) && result.every(Number.isInteger) ? result : undefined;
}

function transposed(values: Float32Array, dims: readonly number[], perm: readonly number[]): Float32Array {
  const strides = dims.map((_, i) => elementCount(dims.slice(i + 1)));
  const shape = perm.map((axis) => dims[axis]!);
  const steps = perm.map((axis) => strides[axis]!);
  const out = new Float32Array(values.length);
  const at = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < out.length; i += 1) {
    out[i] = values[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      at[axis]! += 1;
      from += steps[axis]!;
      if (at[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return out;
}

async function viewOf(
  node: Node,
  tensor: Tensor,
  constants: ReadonlyMap<string, Tensor>,
  read: TensorReader,
): Promise<Tensor | undefined> {
  const { dims } = tensor;
  const name = node.outputs[0]!;
  const view = (shape: number[] | undefined): Tensor | undefined => shape && { ...tensor, name, dims: shape };
  const position = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);
  switch (node.opType) {
    case 'Reshape': {
      const shape = await numbersOf(node, 'shape', constants, read);
      return view(shape && reshaped(dims, shape, intAttribute(node, 'allowzero', 0) !== 0));
    }
    case 'Flatten': {
      const axis = position(intAttribute(node, 'axis', 1), dims.length);
      return view([elementCount(dims.slice(0, axis)), elementCount(dims.slice(axis))]);
    }
    case 'Squeeze': {
      const axes = (await numbersOf(node, 'axes', constants, read))?.map((axis) =>
        position(axis, dims.length),
      );
      if (!axes) return undefined;
      return view(dims.filter((_, i) => !axes.includes(i)));
    }
    case 'Unsqueeze': {
      const given = await numbersOf(node, 'axes', constants, read);
      if (!given) return undefined;
      const rank = dims.length + given.length;
      const axes = new Set(given.map((axis) => position(axis, rank)));
      const rest = dims.values();
      return view(Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.next().value ?? 1))));
    }
    case 'Transpose': {
      if (tensor.dataType !== DataType.FLOAT) return undefined;
      const perm = intsAttribute(node, 'perm') ?? dims.map((_, i) => dims.length - 1 - i);
      if (perm.length !== dims.length) return undefined;
      const values = transposed(await floatsOf(read, tensor), dims, perm);
      return withFloats(
        tensor,
        values,
        perm.map((axis) => dims[axis]!),
        name,
      );
    }
    default:
      return undefined;
  }
}

/** Applies shape operators to constants; `read` gives the bytes. */
export const foldWeightViews = (read: TensorReader): Pass => ({
  name: 'fold weight views',
  async run(model, task) {
    const copy = cloneModel(model);
    const { graph } = copy;
    const constants = constantTensors(graph);
    const outputs = new Set(graph.outputs.map((output) => output.name));
    const gone = new Set<Node>();
    for (const node of graph.nodes) {
      if (!isOp(node, 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose')) continue;
      const tensor = constants.get(node.inputs[0] ?? '');
      const name = node.outputs[0] ?? '';
      if (!tensor || name === '' || outputs.has(name)) continue;
      await breathe(task);
      const view = await viewOf(node, tensor, constants, read);
      if (!view) continue;
      graph.initializers.push(view);
      constants.set(name, view);
      gone.add(node);
    }
    if (gone.size === 0) return { model, modified: false };
    removeNodes(graph, gone);
    copy.irVersion = Math.max(copy.irVersion, 4);
    return { model: copy, modified: true };
  },
});
