// Texts of models: printed when they are first asked for, kept while the file stays as it is (a bounded number).

import { allGraphs, findGraph, functionScope } from '../analysis/scopes';
import type { InferredGraph } from '../analysis/shapes';
import type { LanguageDocument, ModelFacts } from '../analysis/language/document';
import { badRequest, SlipwayError } from '../base/errors';
import { breathing, silentTask, type Task } from '../base/task';
import type { Model } from '../ir/model';
import { parseTextUri } from '../protocol/textFace';
import type { ModelStore, OpenModel } from './models';
import { shared, type Shared } from './shared';

/** Tensors of more elements are named by the place where they lie. */
const mostValues = 16;

const keep = 8;

interface Entry {
  readonly revision: string;
  readonly loading: Shared<LanguageDocument>;
}

export class TextStore {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly models: ModelStore) {}

  /** The text behind a URI of the text scheme. Throws badRequest for a graph that is not there. */
  async get(uri: string, task: Task): Promise<LanguageDocument> {
    const named = parseTextUri(uri);
    if (!named) throw badRequest(`"${uri.slice(0, 300)}" names no text of a model.`);
    const opened = await this.models.get(named.model, undefined, task);
    const key = `${opened.path}\n${named.scope}`;
    let entry = this.entries.get(key);
    if (entry?.revision !== opened.revision || entry.loading.failed())
      entry = {
        revision: opened.revision,
        loading: shared((loading) => print(uri, opened, named.scope, loading)),
      };
    this.entries.delete(key);
    this.entries.set(key, entry);
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= keep) break;
      this.entries.delete(oldest);
    }
    return entry.loading.join(task);
  }

  clear(): void {
    this.entries.clear();
  }
}

async function print(uri: string, opened: OpenModel, scope: string, task: Task): Promise<LanguageDocument> {
  const { model, diagnostics } = opened.read;
  if (!model) {
    const why = diagnostics.find(({ severity }) => severity === 'error')?.message ?? 'It is empty.';
    throw new SlipwayError('invalidModel', `${opened.path} cannot be read as a model: ${why}`, {
      data: { diagnostics },
    });
  }
  const { printFunction, printGraph, printModel } = await import('../onnx/text/printText');
  const { LanguageDocument: Document } = await import('../analysis/language/document');
  const options = { mostValues };
  let text: string;
  if (scope === '') text = await printModel(model, options, task);
  else {
    const scoped = findGraph(model, scope);
    if (!scoped) throw badRequest(`The model has no graph "${scope.slice(0, 200)}".${nearby(model)}`);
    const { functionDef } = scoped;
    text =
      functionDef && functionScope(functionDef) === scope
        ? await printFunction(functionDef, options, task)
        : await printGraph(scoped.graph, options, task);
  }
  const { parseLongText } = await import('../onnx/text/parseText');
  const syntax = await parseLongText(text, task);
  const document = new Document(uri, text, () => facts(model, opened, scope), syntax);
  // Types are there by the time somebody points at something.
  setTimeout(() => void document.facts().catch(() => undefined), 20).unref();
  return document;
}

/** A few graphs that there are. */
function nearby(model: Model): string {
  const paths: string[] = [];
  for (const { path } of allGraphs(model)) {
    if (path !== '') paths.push(path);
    if (paths.length === 5) break;
  }
  return paths.length === 0 ? ' It has the main graph only.' : ` There are: ${paths.join(', ')}.`;
}

async function facts(model: Model, opened: OpenModel, scope: string): Promise<ModelFacts> {
  const { inferredAt } = await import('../analysis/inferredAt');
  const { costing } = await import('../analysis/cost');
  const main = await opened.shapes(silentTask);
  const scoped = findGraph(model, scope);
  const inferred: InferredGraph | undefined = scoped && inferredAt(model, scoped, main);
  const macs = scope === '' ? (await breathing(costing(model, {}, main), silentTask)).nodeMacs : [];
  return { model, inferred, macs };
}
