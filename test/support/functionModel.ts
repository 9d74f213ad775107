// A model that calls its own functions: `Block` with a weight, which calls `Scale` with an attribute, twice.

import { floatTensor, graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import type { Attribute, FunctionDef, Model, Node } from '../../daemon/ir/model';

const definition = (
  name: string,
  inputs: string[],
  outputs: string[],
  nodes: Node[],
  attributes: string[] = [],
): FunctionDef => ({
  name,
  domain: 'local',
  overload: '',
  inputs,
  outputs,
  attributes,
  attributeDefaults: [],
  nodes,
  docString: '',
  opsetImports: [
    { domain: '', version: 17 },
    { domain: 'local', version: 1 },
  ],
  valueInfo: [],
  metadataProps: [],
});

/** `x` → Relu → Block → Block → Sigmoid → `y`; each Block is MatMul with its own weight, Scale, Add with its input. */
export function functionModel(): Model {
  const leaky = node('LeakyRelu', ['a'], ['b'], { name: 'leaky' });
  const reference: Attribute = {
    type: 'FLOAT',
    name: 'alpha',
    value: 0,
    docString: '',
    refAttrName: 'slope',
  };
  leaky.attributes.push(reference);
  const scale = definition('Scale', ['a'], ['b'], [leaky], ['slope']);
  const block = definition(
    'Block',
    ['x', 'w'],
    ['y'],
    [
      node('MatMul', ['x', 'w'], ['m'], { name: 'matmul' }),
      node('Scale', ['m'], ['s'], { name: 'scale', domain: 'local', attributes: { slope: 0.25 } }),
      node('Add', ['x', 's'], ['y'], { name: 'add' }),
    ],
  );
  const call = (from: string, to: string, weight: string) =>
    node('Block', [from, weight], [to], { name: `block_${to}`, domain: 'local' });
  const built = model(
    graph({
      nodes: [
        node('Relu', ['x'], ['r'], { name: 'relu' }),
        call('r', 'one', 'w1'),
        call('one', 'two', 'w2'),
        node('Sigmoid', ['two'], ['y'], { name: 'sigmoid' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, [2, 4])],
      outputs: [valueInfo('y', DataType.FLOAT, [2, 4])],
      initializers: ['w1', 'w2'].map((name, at) =>
        floatTensor(
          name,
          [4, 4],
          Array.from({ length: 16 }, (_, i) => i + 100 * at),
        ),
      ),
    }),
    { opset: 17 },
  );
  built.opsetImports.push({ domain: 'local', version: 1 });
  built.functions = [scale, block];
  return built;
}
