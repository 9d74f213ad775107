// The texts that one client has open for editing, as it last told them; made into documents when something is asked.

import { LanguageDocument, type ModelFacts } from '../../analysis/language/document';
import { Lines, type Range } from '../../analysis/language/lines';
import { reparse } from '../../onnx/text/reparse';

interface OpenText {
  text: string;
  document: LanguageDocument | undefined;
  /** The document's syntax comes from edits; where it has problems, they may lie elsewhere. */
  edited: boolean;
}

export interface TextChange {
  readonly range?: Range;
  readonly text: string;
}

export class OpenTexts {
  private readonly texts = new Map<string, OpenText>();

  open(uri: string, text: string): void {
    this.texts.set(uri, { text, document: undefined, edited: false });
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

  get(uri: string): LanguageDocument | undefined {
    const open = this.texts.get(uri);
    if (!open) return undefined;
    if (!open.document) {
      open.document = new LanguageDocument(uri, open.text, factsOfText);
      open.edited = false;
    }
    return open.document;
  }

  /** The same, with the problems that a whole reading finds. */
  getWhole(uri: string): LanguageDocument | undefined {
    const open = this.texts.get(uri);
    if (open?.edited && (open.document?.syntax.problems.length ?? 0) > 0) open.document = undefined;
    return this.get(uri);
  }

  *all(): Generator<LanguageDocument> {
    for (const uri of this.texts.keys()) yield this.get(uri)!;
  }
}

/** A text states its own model, as far as it is one. */
async function factsOfText({ syntax }: LanguageDocument): Promise<ModelFacts | undefined> {
  if (!syntax.graph) return undefined;
  const { toModel } = await import('../../onnx/text/toModel');
  const { inferShapes } = await import('../../analysis/shapes');
  const { modelCost } = await import('../../analysis/cost/cost');
  const { model } = toModel(syntax);
  return { model, inferred: inferShapes(model), macs: modelCost(model).nodeMacs };
}
