// A model with bodies: a Loop, in it an If, whose branches read values of the main graph.

import { floatTensor, graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import type { Model } from '../../daemon/ir/model';

export const square = (name: string) => valueInfo(name, DataType.FLOAT, [4, 4]);
const flag = (name: string) => valueInfo(name, DataType.BOOL, []);

/** Relu → Loop → Softmax; in the loop an If, whose branches read values of the main graph. */
export function loopModel(): Model {
  const thenBranch = graph({
    name: 'clipped',
    nodes: [node('Relu', ['h'], ['t'], { name: 'clip' })],
    outputs: [square('t')],
  });
  const elseBranch = graph({
    name: 'squashed',
    nodes: [
      node('MatMul', ['h', 'w'], ['e0'], { name: 'product' }),
      node('Sigmoid', ['e0'], ['e'], { name: 'squash' }),
    ],
    outputs: [square('e')],
  });
  const body = graph({
    name: 'turn',
    nodes: [
      node('Add', ['acc', 'h'], ['sum'], { name: 'sum' }),
      node('If', ['again'], ['s'], {
        name: 'choice',
        attributes: { then_branch: thenBranch, else_branch: elseBranch },
      }),
      node('Mul', ['sum', 's'], ['next'], { name: 'scaled' }),
      node('Identity', ['again'], ['goOn'], { name: 'goes on' }),
    ],
    inputs: [valueInfo('i', DataType.INT64, []), flag('again'), square('acc')],
    outputs: [flag('goOn'), square('next')],
  });
  return model(
    graph({
      nodes: [
        node('Relu', ['x'], ['h'], { name: 'first' }),
        node('Loop', ['n', 'start', 'h'], ['r'], { name: 'loop', attributes: { body } }),
        node('Softmax', ['r'], ['y'], { name: 'last' }),
      ],
      inputs: [square('x'), valueInfo('n', DataType.INT64, []), flag('start')],
      outputs: [square('y')],
      initializers: [floatTensor('w', [4, 4], new Float32Array(16).fill(0.5))],
    }),
    { opset: 17 },
  );
}
