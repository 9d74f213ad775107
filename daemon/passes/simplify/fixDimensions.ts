// Free dimensions become numbers, so that what depends on them can be folded:
// 1. A dimension named NAME in the types of inputs, outputs and values (bodies included) becomes the number bound
//    to NAME; an unnamed dimension of an input goes by `input[axis]`.
// This is the one rewrite that changes what the model states of its inputs and outputs, and only when asked.

import { cloneModel } from '../../ir/clone';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Type, ValueInfo } from '../../ir/model';
import type { Pass } from '../pass';

type Bind = Readonly<Record<string, number>>;

function fixType(type: Type | undefined, bind: Bind, input?: string): number {
  if (type?.kind === 'sequence' || type?.kind === 'optional') return fixType(type.elem, bind);
  if (type?.kind !== 'tensor' && type?.kind !== 'sparseTensor') return 0;
  let changes = 0;
  for (const [axis, dim] of (type.shape ?? []).entries()) {
    if (dim.value !== undefined && dim.value >= 0) continue;
    const name = dim.param ?? (input === undefined ? undefined : `${input}[${axis}]`);
    if (name === undefined || !Object.hasOwn(bind, name)) continue;
    delete dim.param;
    dim.value = bind[name]!;
    changes += 1;
  }
  return changes;
}

function fixGraph(graph: Graph, bind: Bind, isMain: boolean): number {
  let changes = 0;
  const all = (infos: readonly ValueInfo[], inputs = false) => {
    for (const info of infos) changes += fixType(info.type, bind, inputs ? info.name : undefined);
  };
  all(graph.inputs, isMain);
  all(graph.outputs);
  all(graph.valueInfo);
  for (const node of graph.nodes) for (const body of bodiesOf(node)) changes += fixGraph(body, bind, false);
  return changes;
}

/** Names of the dimensions of a model's inputs that can be bound, in the order in which they appear. */
export function bindableDimensions(graph: Graph): string[] {
  const names = graph.inputs.flatMap(({ name, type }) =>
    type?.kind === 'tensor'
      ? (type.shape ?? []).flatMap((dim, axis) => {
          if (dim.param !== undefined && dim.param !== '') return [dim.param];
          return dim.value === undefined || dim.value < 0 ? [`${name}[${axis}]`] : [];
        })
      : [],
  );
  return [...new Set(names)];
}

/** Binds free dimensions to numbers. */
export const fixDimensions = (bind: Bind): Pass => ({
  name: 'fix dimensions',
  run(model) {
    const copy = cloneModel(model);
    if (fixGraph(copy.graph, bind, true) === 0) return { model, modified: false };
    return { model: copy, modified: true };
  },
});
