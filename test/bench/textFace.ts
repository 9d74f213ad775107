// The text of a 10,000-node model: how soon it is there, and how long completion, hover and definition take, asked of
// the built daemon over stdio as an editor asks it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { LanguageDocument } from '../../daemon/analysis/language/document';
import { silentTask } from '../../daemon/base/task';
import { writeModel } from '../../daemon/onnx/writeModel';
import { textUri } from '../../daemon/protocol/textFace';
import { seeded } from '../daemon/analysis/diffTruth';
import { decoderModel } from '../support/decoderModel';
import { distFolder } from '../support/paths';
import type { BenchRow } from './row';

const asked = 400;

export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-text-'));
  const path = join(folder, 'decoder.onnx');
  await writeModel(decoderModel(10_000), path, {}, silentTask);
  const child = spawn(process.execPath, [join(distFolder, 'slipway.js'), 'daemon', '--stdio'], {
    env: { ...process.env, SLIPWAY_STATE: join(folder, 'state'), NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(child, 'close');
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  try {
    await connection.sendRequest('initialize', { processId: null, rootUri: null, capabilities: {} });
    const uri = textUri(pathToFileURL(path).href);
    const began = performance.now();
    const { text } = await connection.sendRequest<{ text: string }>('workspace/textDocumentContent', { uri });
    const contentMs = performance.now() - began;
    const first = performance.now();
    const document = new LanguageDocument(uri, text, () => Promise.resolve(undefined));
    const parseMs = performance.now() - first;
    const rows: BenchRow[] = [
      {
        name: 'text of 10,000 nodes: there after',
        value: contentMs / 1000,
        unit: 's',
        goal: '',
        holds: false,
        detail: `first request of a new daemon, ${(text.length / 1e6).toFixed(2)} MB of text; the parser alone ${parseMs.toFixed(0)} ms, cold`,
      },
    ];
    const file = 'file:///decoder.onnxtxt';
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri: file, languageId: 'onnx-text', version: 1, text },
    });
    const random = seeded(5);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
    const marks = document.syntax.marks.filter(({ kind }) => kind === 'value' || kind === 'operator');
    const nodes = document.syntax.graph!.nodes;
    // Inferring the types of a text that was just opened is part of the first hover.
    const warm = performance.now();
    await connection.sendRequest('textDocument/hover', {
      textDocument: { uri },
      position: document.lines.position(pick(marks).start),
    });
    const firstHoverMs = performance.now() - warm;
    const measure = async (
      name: string,
      method: string,
      of: string,
      place: () => number,
      before?: () => Promise<void>,
      after?: () => Promise<void>,
    ) => {
      const times: number[] = [];
      for (let round = 0; round < asked; round += 1) {
        const position = document.lines.position(place());
        await before?.();
        const start = performance.now();
        await connection.sendRequest(method, {
          textDocument: { uri: of },
          position,
          context: { includeDeclaration: true, triggerKind: 1 },
        });
        times.push(performance.now() - start);
        await after?.();
      }
      times.sort((x, y) => x - y);
      const p95 = times[Math.floor(times.length * 0.95)]!;
      rows.push({
        name,
        value: p95,
        unit: 'ms',
        goal: '≤ 50 ms',
        holds: p95 <= 50,
        detail: `p95 of ${asked} over the pipe; p50 ${times[asked / 2]!.toFixed(2)}, longest ${times.at(-1)!.toFixed(1)} ms`,
      });
    };
    const anyMark = () => pick(marks).start;
    const inInputs = () => {
      const { inputs, operator } = pick(nodes);
      return inputs[0]?.end ?? operator.end;
    };
    await measure('hover', 'textDocument/hover', uri, anyMark);
    rows.at(-1)!.detail += `; the first one, which infers all types, ${firstHoverMs.toFixed(0)} ms`;
    await measure('definition', 'textDocument/definition', uri, anyMark);
    await measure('references', 'textDocument/references', uri, anyMark);
    await measure('completion of a value', 'textDocument/completion', uri, inInputs);
    await measure(
      'completion of an operator',
      'textDocument/completion',
      uri,
      () => pick(nodes).operator.end,
    );
    // A letter is typed into an input of a node somewhere, the list is asked for, and the letter is taken back.
    let version = 1;
    let typed = { line: 0, character: 0 };
    const type = (text: string) =>
      connection.sendNotification('textDocument/didChange', {
        textDocument: { uri: file, version: (version += 1) },
        contentChanges: [
          {
            range: { start: typed, end: { ...typed, character: typed.character + (text === '' ? 1 : 0) } },
            text,
          },
        ],
      });
    const somewhere = () => {
      const place = inInputs();
      typed = document.lines.position(place);
      return place;
    };
    await measure(
      'completion after a keystroke in a .onnxtxt file',
      'textDocument/completion',
      file,
      somewhere,
      () => type('w'),
      () => type(''),
    );
    await measure('outline', 'textDocument/documentSymbol', uri, anyMark);
    rows.at(-1)!.goal = '';
    return rows;
  } finally {
    child.stdin.end();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}
