// The picture's data: a graph as columns, one node, a piece of a tensor.

import { dataTypeName } from '../ir/dataType';
import {
  ExportTensor,
  ExtractPart,
  FindNodes,
  GetGraph,
  GetNode,
  GetTensorStatistics,
  ReadTensor,
} from '../protocol/graph';
import { graphFrame } from './graphFrame';
import { handler } from './handler';
import { modelOf } from './inspect';

export const graph = handler(
  GetGraph,
  async ({ uri, revision, scope, quick, bind }, task, { workspace, frame }) => {
    const opened = await workspace.models.get(uri, revision, task);
    const { graphTable } = await import('../analysis/graphTable');
    const table = await graphTable(modelOf(opened), scope, task, {
      quick,
      shapes: () => opened.shapes(task, bind),
    });
    const { nodes, edges, inferred } = table;
    const columns = frame(graphFrame(table.columns));
    return { revision: opened.revision, inferred, nodes, edges, columns };
  },
);

export const node = handler(GetNode, async ({ uri, revision, scope, index, bind }, task, { workspace }) => {
  const opened = await workspace.models.get(uri, revision, task);
  const { describeNode } = await import('../recipes/describeNode');
  return describeNode(modelOf(opened), scope, index, await opened.shapes(task, bind), task);
});

export const tensor = handler(
  ReadTensor,
  async ({ name, start, count, ...at }, task, { workspace, frame }) => {
    const opened = await workspace.models.get(at.uri, at.revision, task);
    const { findTensor } = await import('../analysis/nodeDetails');
    const { readRange } = await import('../onnx/readRange');
    const found = findTensor(modelOf(opened), at.scope, name);
    const data = frame(await readRange(found, { start, count }, task));
    return { dtype: dataTypeName(found.dataType), shape: found.dims, data };
  },
);

export const statistics = handler(
  GetTensorStatistics,
  async ({ uri, revision, scope, name }, task, { workspace }) => {
    const opened = await workspace.models.get(uri, revision, task);
    const { findTensor } = await import('../analysis/nodeDetails');
    const { tensorStatistics } = await import('../onnx/tensorStatistics');
    return tensorStatistics(findTensor(modelOf(opened), scope, name), task);
  },
);

export const saveTensor = handler(
  ExportTensor,
  async ({ uri, revision, scope, name, file, overwrite }, task, { workspace }) => {
    const opened = await workspace.models.get(uri, revision, task);
    const { exportTensor } = await import('../recipes/exportTensor');
    const from = { modelFile: opened.path, scope, name };
    return exportTensor(modelOf(opened), from, file, overwrite === undefined ? {} : { overwrite }, task);
  },
);

export const extract = handler(
  ExtractPart,
  async ({ uri, revision, file, overwrite, scope, nodes, from, to }, task, { workspace }) => {
    const opened = await workspace.models.get(uri, revision, task);
    const { extractPart } = await import('../recipes/extract');
    const choice = { scope, nodes, from, to };
    const shapes = () => opened.shapes(task);
    return extractPart(modelOf(opened), opened.path, choice, file, { overwrite }, task, shapes);
  },
);

export const findNodes = handler(
  FindNodes,
  async ({ uri, revision, scope, attribute }, task, { workspace }) => {
    const opened = await workspace.models.get(uri, revision, task);
    const { findByAttribute } = await import('../analysis/findByAttribute');
    return { rows: await findByAttribute(modelOf(opened), scope, attribute, task) };
  },
);
