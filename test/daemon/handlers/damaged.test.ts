// Models with bytes changed at random, through every request that is about understanding one: each is answered, or
// refused with a sentence. Whatever else comes out is a bug of ours.

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { SlipwayError } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import { handlers } from '../../../daemon/handlers/table';
import { encodeModel } from '../../../daemon/onnx/encodeModel';
import { textUri } from '../../../daemon/protocol/textFace';
import { LanguageSession } from '../../../daemon/server/language/session';
import { Workspace } from '../../../daemon/workspace/workspace';
import { conformanceCases } from '../../support/conformance';
import { everyFeature } from '../../support/everyFeature';
import { randomNumbers } from '../../support/graphs';
import { temporaryFolder } from '../../support/paths';

const seed = 20;
const originals = 60;
const largest = 100_000;

test('changed bytes cost an answer at most, never an exception', async () => {
  const random = randomNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const folder = temporaryFolder();
  const made = await encodeModel(everyFeature({ strange: true }));
  const stored = (conformanceCases() ?? []).filter(({ model }) => statSync(model).size <= largest);
  const counts = { answered: 0, refused: 0 };
  for (let round = 0; round < originals; round += 1) {
    const original =
      stored.length === 0 || round % 6 === 0 ? made : readFileSync(stored[below(stored.length)]!.model);
    const bytes = Uint8Array.from(original);
    for (let change = below(6); change >= 0; change -= 1) bytes[below(bytes.length)] = below(256);
    const [before, after] = [join(folder, `${round}.onnx`), join(folder, `${round}-changed.onnx`)];
    writeFileSync(before, original);
    writeFileSync(after, bytes);
    await understand(pathToFileURL(after).href, pathToFileURL(before).href, counts, `round ${round}`);
  }
  // Most changes are survived whole; what cannot be read is refused.
  assert.ok(counts.answered > 500 && counts.refused > 5, JSON.stringify(counts));
});

async function understand(
  uri: string,
  other: string,
  counts: { answered: number; refused: number },
  what: string,
): Promise<void> {
  const workspace = new Workspace();
  const client = {
    id: 1,
    notify: () => undefined,
    open: new Map<string, () => void>(),
    publishDiagnostics: () => undefined,
  };
  const context = { workspace, client, frame: () => ({ frame: 1, byteLength: 1 }) };
  const warnings: string[] = [];
  const session = new LanguageSession({
    workspace,
    notify: () => undefined,
    refresh: () => undefined,
    openModels: () => client.open.keys(),
    warn: (sentence) => warnings.push(sentence),
  });
  const attempt = async (name: string, work: () => unknown) => {
    try {
      JSON.stringify(await work());
      counts.answered += 1;
    } catch (error) {
      if (!(error instanceof SlipwayError))
        throw new Error(`${what}, seed ${seed}, ${name}`, { cause: error });
      assert.ok(error.message.length > 10, `${what}, ${name}: ${error.message}`);
      counts.refused += 1;
    }
  };
  const requests: [string, object][] = [
    ['slipway/open', { uri }],
    ['slipway/graph', { uri }],
    ['slipway/graph', { uri, quick: true, bind: { N: 3 } }],
    ['slipway/node', { uri, index: 0 }],
    ['slipway/check', { uri, weights: true }],
    ['slipway/cost', { uri, csv: 'node', overlays: true }],
    ['slipway/diff', { a: other, b: uri }],
    ['slipway/diff', { a: uri, b: other }],
  ];
  for (const [method, params] of requests)
    await attempt(method, () => handlers.get(method)!.handle(params, silentTask, context));
  const textDocument = { uri: textUri(uri) };
  const features: [string, object][] = [
    ['workspace/textDocumentContent', textDocument],
    ['workspace/symbol', { query: 'a' }],
    ['textDocument/documentSymbol', { textDocument }],
    ['textDocument/foldingRange', { textDocument }],
    ['textDocument/semanticTokens/full', { textDocument }],
    ...[3, 6, 9].flatMap((line): [string, object][] => {
      const at = { textDocument, position: { line, character: 9 } };
      return [
        ['textDocument/hover', at],
        ['textDocument/definition', at],
        ['textDocument/completion', at],
      ];
    }),
  ];
  for (const [method, params] of features)
    await attempt(method, () => session.request(method, params, silentTask));
  for (const letGo of client.open.values()) letGo();
  session.dispose();
  await workspace.dispose();
  assert.deepEqual(warnings, [], what);
}
