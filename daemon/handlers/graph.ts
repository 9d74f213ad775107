// The picture's data: a graph as columns, one node, a piece of a tensor.

import { encodeColumns } from '../protocol/columns';
import { GetGraph, GetNode, ReadTensor } from '../protocol/graph';
import { handler } from './handler';
import { modelOf } from './inspect';

export const graph = handler(GetGraph, async ({ uri, revision, scope }, task, { workspace, frame }) => {
  const opened = await workspace.models.get(uri, revision, task);
  const { graphTable } = await import('../analysis/graphTable');
  const { nodes, edges, columns } = await graphTable(modelOf(opened), scope, task);
  return { nodes, edges, columns: frame(encodeColumns(columns)) };
});

export const node = handler(GetNode, async ({ uri, revision, scope, index }, task, { workspace }) => {
  const opened = await workspace.models.get(uri, revision, task);
  const { nodeDetails } = await import('../analysis/nodeDetails');
  return nodeDetails(modelOf(opened), scope, index);
});

export const tensor = handler(ReadTensor, async ({ uri, revision, scope, name, start, count }, task, context) => {
  const opened = await context.workspace.models.get(uri, revision, task);
  const { findTensor } = await import('../analysis/nodeDetails');
  const { readTensorBytes } = await import('../onnx/tensorData');
  const found = findTensor(modelOf(opened), scope, name);
  const bytes = await readTensorBytes(found, { start, count });
  return { dtype: '', shape: found.dims, data: context.frame(bytes) };
});
