// The texts that one client has open for editing, as it last told them; made into documents when something is asked.

import { LanguageDocument, type ModelFacts } from '../../analysis/language/document';
import { Lines, type Range } from '../../analysis/language/lines';
import { breathing, silentTask, type Task } from '../../base/task';
import { shared, type Shared } from '../../workspace/shared';
import { reparse } from '../../onnx/text/reparse';

interface OpenText {
  text: string;
  document: LanguageDocument | undefined;
  /** The document's syntax comes from edits; where it has problems, they may lie elsewhere. */
  edited: boolean;
  /** How the document is made, while it is. */
  reading: Shared<LanguageDocument> | undefined;
}

export interface TextChange {
  readonly range?: Range;
  readonly text: string;
}

export class OpenTexts {
  private readonly texts = new Map<string, OpenText>();

  open(uri: string, text: string): void {
    this.texts.set(uri, { text, document: undefined, edited: false, reading: undefined });
  }

  close(uri: string): void {
    this.texts.delete(uri);
  }

  /** Applies edits one after the other; each range is of the text before it. */
  change(uri: string, changes: readonly TextChange[]): void {
    const open = this.texts.get(uri);
    if (!open) return;
    for (const { range, text } of changes) {
      const before = open.document;
      open.document = undefined;
      open.reading = undefined;
      if (!range) open.text = text;
      else {
        const lines = before?.lines ?? new Lines(open.text);
        const start = lines.offset(range.start);
        const end = Math.max(start, lines.offset(range.end));
        open.text = open.text.slice(0, start) + text + open.text.slice(end);
        const syntax = before && reparse(before.syntax, open.text, { start, end, length: text.length });
        if (syntax) {
          open.document = new LanguageDocument(uri, open.text, factsOfText, syntax);
          open.edited = true;
        }
      }
    }
  }

  /** The text as it is when it was read to its end; undefined when it is not open. */
  async get(uri: string, task: Task): Promise<LanguageDocument | undefined> {
    const open = this.texts.get(uri);
    if (!open) return undefined;
    while (!open.document) {
      const { text } = open;
      if (!open.reading || open.reading.failed()) open.reading = shared((reader) => read(uri, text, reader));
      const { reading } = open;
      const document = await reading.join(task);
      // It was changed meanwhile.
      if (open.reading !== reading) continue;
      open.reading = undefined;
      open.document = document;
      open.edited = false;
    }
    return open.document;
  }

  /** The same, with the problems that a whole reading finds. */
  getWhole(uri: string, task: Task): Promise<LanguageDocument | undefined> {
    const open = this.texts.get(uri);
    if (open?.edited && (open.document?.syntax.problems.length ?? 0) > 0) open.document = undefined;
    return this.get(uri, task);
  }

  uris(): string[] {
    return [...this.texts.keys()];
  }
}

async function read(uri: string, text: string, task: Task): Promise<LanguageDocument> {
  const { parseLongText } = await import('../../onnx/text/parseText');
  return new LanguageDocument(uri, text, factsOfText, await parseLongText(text, task));
}

/** A text states its own model, as far as it is one. */
async function factsOfText({ syntax }: LanguageDocument): Promise<ModelFacts | undefined> {
  if (!syntax.graph) return undefined;
  const { buildingModel } = await import('../../onnx/text/toModel');
  const { inferring } = await import('../../analysis/shapes');
  const { costing } = await import('../../analysis/cost/cost');
  const { model } = await breathing(buildingModel(syntax), silentTask);
  const inferred = await breathing(inferring(model), silentTask);
  const { nodeMacs } = await breathing(costing(model, {}), silentTask);
  return { model, inferred, macs: nodeMacs };
}
