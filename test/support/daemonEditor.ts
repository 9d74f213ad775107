// The host's end of the model editor over a running daemon, as the extension serves it.

import { pathToFileURL } from 'node:url';
import type { Interest } from '../../daemon/protocol/pageChannel';
import { shownCost } from '../../extension/editor/costTables';
import { askEarly } from '../../extension/editor/earlyGraph';
import type { Inspection } from '../../daemon/protocol/inspect';
import type { NodeDetails, TensorStatistics } from '../../daemon/protocol/graph';
import type { WireClient } from './daemonProcess';
import type { editorHost } from './editorHost';

type Serves = Parameters<typeof editorHost>[2];

/** A page that never loses interest. */
const stays: Interest = { lost: false, onLost: () => undefined };

/** Answers about a file through a client of a daemon; asks for its graph at once. */
export function serveByDaemon(client: WireClient, path: string): Serves {
  const uri = pathToFileURL(path).href;
  const ask = async <Result>(method: string, params: object = {}): Promise<Result> => {
    const answer = await client.ask(`slipway/${method}`, { uri, ...params });
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.result as Result;
  };
  const taken = ({ frame }: { frame: number }): Uint8Array => {
    const payload = client.frames.get(frame);
    if (payload === undefined) throw new Error('The daemon named a frame that it did not send.');
    client.frames.delete(frame);
    // A plain array: a Buffer would turn itself into JSON.
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  };
  const early = askEarly(async (params) => {
    const { columns, ...rest } = await ask<{
      revision: string;
      inferred: boolean;
      columns: { frame: number };
    }>('graph', params);
    return { ...rest, columns: taken(columns) };
  });
  return {
    open: () => ask<{ uri: string; revision: string; inspection: Inspection }>('open'),
    graph: (params) => early.graph(params, stays),
    findNodes: (params) => ask<{ rows: number[] }>('findNodes', params),
    node: (params) => ask<NodeDetails>('node', params),
    cost: async (params) => shownCost(await ask('cost', params)),
    statistics: (params) => ask<TensorStatistics>('tensorStatistics', params),
    async tensor(params) {
      const { data, ...rest } = await ask<{ dtype: string; shape: number[]; data: { frame: number } }>(
        'tensor',
        params,
      );
      return { ...rest, data: taken(data) };
    },
  };
}
