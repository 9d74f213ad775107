// The texts that one client has open for editing, as it last told them; made into documents when something is asked.

import { LanguageDocument, type ModelFacts } from '../../analysis/language/document';
import { Lines, type Range } from '../../analysis/language/lines';

interface OpenText {
  text: string;
  document: LanguageDocument | undefined;
}

export interface TextChange {
  readonly range?: Range;
  readonly text: string;
}

export class OpenTexts {
  private readonly texts = new Map<string, OpenText>();

  open(uri: string, text: string): void {
    this.texts.set(uri, { text, document: undefined });
  }

  close(uri: string): void {
    this.texts.delete(uri);
  }

  /** Applies edits one after the other; each range is of the text before it. */
  change(uri: string, changes: readonly TextChange[]): void {
    const open = this.texts.get(uri);
    if (!open) return;
    for (const { range, text } of changes) {
      if (!range) open.text = text;
      else {
        const lines = new Lines(open.text);
        const start = lines.offset(range.start);
        const end = Math.max(start, lines.offset(range.end));
        open.text = open.text.slice(0, start) + text + open.text.slice(end);
      }
    }
    open.document = undefined;
  }

  get(uri: string): LanguageDocument | undefined {
    const open = this.texts.get(uri);
    if (!open) return undefined;
    return (open.document ??= new LanguageDocument(uri, open.text, factsOfText));
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
  const { modelCost } = await import('../../analysis/cost');
  const { model } = toModel(syntax);
  return { model, inferred: inferShapes(model), macs: modelCost(model).nodeMacs };
}
