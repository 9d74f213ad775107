// Work on a large model holds nobody up: while a daemon answers one client's long request, another client's pings are
// answered, one after the other. They are counted, not timed: a slower machine takes as many more breaths.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { silentTask } from '../../../daemon/base/task';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { textUri } from '../../../daemon/protocol/textFace';
import { decoderModel } from '../../support/decoderModel';
import { connect, startDaemon, type RunningDaemon, type WireClient } from '../../support/daemonProcess';
import { temporaryFolder } from '../../support/paths';

const nodes = 8000;
const folder = temporaryFolder();
let daemon: RunningDaemon;
let working: WireClient;
let waiting: WireClient;

const write = async (name: string, rename: boolean): Promise<string> => {
  const model = decoderModel(nodes);
  if (rename) model.graph.nodes.forEach((node, at) => (node.name = `n${at}`));
  await writeModel(model, join(folder, name), {}, silentTask);
  return pathToFileURL(join(folder, name)).href;
};

before(async () => {
  daemon = await startDaemon(join(folder, 'state'));
  working = await connect(daemon);
  waiting = await connect(daemon);
  const language = { processId: null, rootUri: null, capabilities: {} };
  await working.ask('initialize', language);
});
after(async () => {
  working.close();
  waiting.close();
  await daemon.stop();
});

/** Pings that are answered one after the other before something comes to its end. */
async function pingsUntil(end: Promise<unknown>): Promise<number> {
  const state = { ended: false };
  end.then(
    () => (state.ended = true),
    () => (state.ended = true),
  );
  for (let pings = 0; ; pings += 1) {
    await waiting.ask('slipway/ping');
    if (state.ended) return pings;
  }
}

/** Pings that are answered before a request is. */
async function pingsDuring(method: string, params: object): Promise<number> {
  const answer = working.ask(method, params);
  const pings = await pingsUntil(answer);
  const { error } = await answer;
  assert.equal(error, undefined, `${method}: ${error?.message}`);
  return pings;
}

test(`requests about ${nodes.toLocaleString('en')} nodes let others be answered`, async () => {
  const uri = await write('decoder.onnx', false);
  const other = await write('renamed.onnx', true);
  const text = textUri(uri);
  const document = { textDocument: { uri: text } };
  const requests: [least: number, method: string, params: object][] = [
    [8, 'slipway/open', { uri }],
    [3, 'slipway/graph', { uri }],
    [3, 'slipway/graph', { uri, bind: { batch: 2, seq: 16 } }],
    [3, 'slipway/check', { uri, weights: true }],
    [3, 'slipway/cost', { uri, bind: { batch: 3 } }],
    [8, 'slipway/diff', { a: uri, b: other }],
    [8, 'workspace/textDocumentContent', { uri: text }],
    [3, 'workspace/textDocumentContent', { uri: textUri(uri, 'model/layers.0/self_attn') }],
    [1, 'textDocument/documentSymbol', document],
    [1, 'textDocument/semanticTokens/full', document],
  ];
  for (const [least, method, params] of requests) {
    const pings = await pingsDuring(method, params);
    assert.ok(pings >= least, `${method}: ${pings} pings were answered meanwhile`);
  }
});

test('a text of as many nodes that is being written is read and checked between other requests', async () => {
  const uri = await write('text.onnx', false);
  const { result } = await working.ask('workspace/textDocumentContent', { uri: textUri(uri) });
  const { text } = result as { text: string };
  const textDocument = { uri: 'untitled:mine.onnxtxt', languageId: 'onnx-text', version: 1, text };
  working.send({ jsonrpc: '2.0', method: 'textDocument/didOpen', params: { textDocument } });
  const pings = await pingsUntil(
    working.wait(
      ({ method, params }) =>
        method === 'textDocument/publishDiagnostics' && params?.['uri'] === textDocument.uri,
    ),
  );
  assert.ok(pings >= 8, `${pings} pings were answered meanwhile`);
  const pinged = await pingsDuring('textDocument/hover', {
    textDocument,
    position: { line: 3000, character: 12 },
  });
  assert.ok(pinged >= 2, `${pinged} pings were answered before the hover`);
});
