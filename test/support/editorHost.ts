// The host's end of the model editor over a real model: reads it with the daemon's own code, in process.

import { costReport } from '../../daemon/analysis/cost/costReport';
import { findByAttribute } from '../../daemon/analysis/findByAttribute';
import { graphTable } from '../../daemon/analysis/graphTable';
import { inspect } from '../../daemon/analysis/inspect';
import { findTensor } from '../../daemon/analysis/nodeDetails';
import { inferShapes } from '../../daemon/analysis/shapes';
import { silentTask } from '../../daemon/base/task';
import { dataTypeName } from '../../daemon/ir/dataType';
import type { Model } from '../../daemon/ir/model';
import { graphFrame } from '../../daemon/handlers/graphFrame';
import { readModel } from '../../daemon/onnx/readModel';
import { describeNode } from '../../daemon/recipes/describeNode';
import { readRange } from '../../daemon/onnx/readRange';
import { tensorStatistics } from '../../daemon/onnx/tensorStatistics';
import type { Inspection } from '../../daemon/protocol/inspect';
import type { EditorFromPage, EditorRequests, EditorToPage, RequestMap } from '../../daemon/protocol/page';
import { shownCost } from '../../extension/editor/costTables';
import { Channel, type Port } from '../../daemon/protocol/pageChannel';

type Serves = {
  [Kind in keyof EditorRequests]: (
    params: EditorRequests[Kind]['params'],
  ) => Promise<EditorRequests[Kind]['result']> | EditorRequests[Kind]['result'];
};

export interface FakeEditorHost {
  readonly notes: EditorFromPage[];
  channel: Channel<EditorToPage, EditorFromPage, RequestMap, EditorRequests>;
}

/** Connects a host that answers with `serves`. */
export function editorHost(
  port: Port,
  init: { fileName: string; trusted?: boolean; workerSource: string },
  serves: Serves,
): FakeEditorHost {
  const notes: EditorFromPage[] = [];
  const channel = new Channel<EditorToPage, EditorFromPage, RequestMap, EditorRequests>(port, {
    onNote(note) {
      notes.push(note);
      if (note.kind === 'ready') channel.notify({ kind: 'init', trusted: true, ...init });
    },
    requests: serves,
  });
  return { notes, channel };
}

/** Answers about a model in memory. */
export function serveModel(inspection: Inspection, model: Model): Serves {
  return {
    open: () => ({ uri: 'file:///model.onnx', revision: '1', inspection }),
    async graph({ scope, quick, bind }) {
      const shapes = bind && (() => Promise.resolve(inferShapes(model, { bind })));
      const { inferred, columns } = await graphTable(model, scope, silentTask, { quick, shapes });
      return { revision: '1', inferred, columns: graphFrame(columns) };
    },
    findNodes: async ({ scope, attribute }) => ({ rows: await findByAttribute(model, scope, attribute) }),
    node: ({ scope, index, bind }) =>
      describeNode(model, scope, index, bind && inferShapes(model, { bind }), silentTask),
    cost: ({ bind }) => {
      const { assumed, ops, scopes, nodes } = costReport(model, bind ? { bind } : {});
      return shownCost({ assumed, ops: [...ops], scopes: [...scopes], nodes: [...nodes] });
    },
    statistics: ({ scope, name }) => tensorStatistics(findTensor(model, scope, name), silentTask),
    async tensor({ scope, name, start, count }) {
      const tensor = findTensor(model, scope, name);
      return {
        dtype: dataTypeName(tensor.dataType),
        shape: [...tensor.dims],
        data: await readRange(tensor, { start, count }, silentTask),
      };
    },
  };
}

/** Answers about a file, broken or not. */
export async function serveFile(path: string): Promise<Serves> {
  const read = await readModel(path, silentTask);
  const inspection = await inspect(read, {}, silentTask);
  if (read.model !== undefined) return serveModel(inspection, read.model);
  const none = () => {
    throw new Error('The file holds no model.');
  };
  return {
    open: () => ({ uri: 'file:///model.onnx', revision: '1', inspection }),
    graph: none,
    findNodes: none,
    node: none,
    cost: none,
    tensor: none,
    statistics: none,
  };
}

/** Answers about a model that a test has built. */
export async function serveBuilt(model: Model): Promise<Serves> {
  const inspection = await inspect(
    {
      model,
      diagnostics: [],
      fileBytes: 1_000_000,
      externalBytes: 0,
      file: { path: '/models/built.onnx', size: 1_000_000, mtimeMs: 0 },
    },
    {},
    silentTask,
  );
  return serveModel(inspection, model);
}
