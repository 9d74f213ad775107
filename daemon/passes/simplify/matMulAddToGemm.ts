// MatMul of a matrix with a constant matrix, followed by the addition of a constant row, becomes Gemm. ONNX
// Runtime does the same on its own, but then with a float bias, which keeps a quantized layer in float.

import { node as makeNode } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import { indexGraph } from '../../ir/graphIndex';
import type { Node } from '../../ir/model';
import { elementCount } from '../../ir/tensor';
import { collectFacts } from '../facts';
import type { Pass } from '../pass';
import { constantTensors, isOp, onlyConsumer, removeNodes } from '../rewrite';
import type { TensorReader } from '../tensorReader';

/** Makes Gemm of MatMul + Add where the left operand is known to be a matrix; `read` gives shapes' numbers. */
export const matMulAddToGemm = (read: TensorReader): Pass => ({
  name: 'matmul and add to gemm',
  async run(model) {
    const copy = cloneModel(model);
    const { graph } = copy;
    if (!graph.nodes.some((node) => isOp(node, 'MatMul'))) return { model, modified: false };
    const facts = await collectFacts(copy, read);
    const index = indexGraph(graph);
    const constants = constantTensors(graph);
    const gone = new Set<Node>();
    for (const [i, matMul] of graph.nodes.entries()) {
      if (!isOp(matMul, 'MatMul') || facts.rank(matMul.inputs[0] ?? '') !== 2) continue;
      const weight = constants.get(matMul.inputs[1] ?? '');
      const add = onlyConsumer(matMul.outputs[0] ?? '', index);
      if (!isOp(add, 'Add') || weight?.dims.length !== 2) continue;
      const biasName = add.inputs.find((name) => name !== matMul.outputs[0]);
      const bias = constants.get(biasName ?? '');
      const columns = weight.dims[1] ?? 0;
      const fits = bias && elementCount(bias.dims) === columns && bias.dims.at(-1) === columns;
      if (!fits || bias.dims.length > 2 || weight.dataType !== DataType.FLOAT) continue;
      graph.nodes[i] = {
        ...makeNode('Gemm', [matMul.inputs[0]!, weight.name, bias.name], [add.outputs[0]!], {
          name: matMul.name,
        }),
        docString: matMul.docString,
        metadataProps: matMul.metadataProps,
      };
      gone.add(add);
    }
    if (gone.size === 0) return { model, modified: false };
    removeNodes(graph, gone);
    return { model: copy, modified: true };
  },
});
