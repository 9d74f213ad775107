// Texts of models: printed when they are first asked for, kept while the file stays as it is (a bounded number).

import type { FoundScope, ScopePaths } from '../analysis/scopes/scopeText';
import type { LanguageDocument, ModelFacts } from '../analysis/language/document';
import { badRequest, SlipwayError } from '../base/errors';
import { breathing, silentTask, type Task } from '../base/task';
import { giveBackMemory } from '../host/memory';
import type { Model } from '../ir/model';
import { parseTextUri } from '../protocol/textFace';
import type { ModelStore, OpenModel } from './models';
import { Recent } from './recent';
import { shared, type Shared } from './shared';

/** Tensors of more elements are named by the place where they lie. */
const mostValues = 16;

const keep = 8;

interface Entry {
  readonly revision: string;
  readonly loading: Shared<LanguageDocument>;
}

export class TextStore {
  private readonly entries = new Recent<Entry>({ most: keep, onIdle: giveBackMemory });

  constructor(private readonly models: ModelStore) {}

  /** The text behind a URI of the text scheme. Throws badRequest for a graph that is not there. */
  async get(uri: string, task: Task): Promise<LanguageDocument> {
    const named = parseTextUri(uri);
    if (!named) throw badRequest(`"${uri.slice(0, 300)}" names no text of a model.`);
    const opened = await this.models.get(named.model, undefined, task);
    const key = `${opened.path}\n${named.scope}`;
    let entry = this.entries.get(key);
    if (entry?.revision !== opened.revision || entry.loading.failed()) {
      entry = {
        revision: opened.revision,
        loading: shared((loading) => print(uri, opened, named.scope, loading)),
      };
      this.entries.set(key, entry);
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
  const { findScope, scopePaths, scopeText } = await import('../analysis/scopes/scopeText');
  const { LanguageDocument: Document } = await import('../analysis/language/document');
  const found = await breathing(findScope(model, scope), task);
  if (!found)
    throw badRequest(
      `The model has no graph and no scope "${scope.slice(0, 200)}".${nearby(await breathing(scopePaths(model), task))}`,
    );
  const text = await scopeText(model, found, { mostValues }, task, () => opened.shapes(task));
  const { parseLongText } = await import('../onnx/text/parseText');
  const syntax = await parseLongText(text, task);
  const document = new Document(uri, text, () => facts(model, opened, found), syntax);
  await document.prepare(task);
  // Types are there by the time somebody points at something.
  setTimeout(() => void document.facts().catch(() => undefined), 20).unref();
  return document;
}

/** A few graphs and scopes that there are. */
function nearby({ graphs, parts }: ScopePaths): string {
  const paths = [...graphs, ...parts].filter((path) => path !== '').slice(0, 5);
  return paths.length === 0 ? ' It has the main graph only.' : ` There are: ${paths.join(', ')}.`;
}

async function facts(model: Model, opened: OpenModel, found: FoundScope): Promise<ModelFacts> {
  const { inferringAt } = await import('../analysis/inferredAt');
  const { counting } = await import('../analysis/cost/countWork');
  const { partModel } = await import('../analysis/scopes/scopeText');
  const { scoped, part } = found;
  const main = await opened.shapes(silentTask);
  const inferred = await breathing(inferringAt(model, scoped, main), silentTask);
  const counted = scoped.path === '' ? await opened.countedShapes(silentTask) : undefined;
  const macs = counted ? (await breathing(counting(counted, 'macs'), silentTask)).nodes : [];
  if (!part) return { model, inferred, macs };
  const own = await breathing(partModel(model, found, inferred), silentTask);
  return {
    model: own,
    // Names are the same in a part as around it.
    inferred: { ...inferred, nodes: own.graph.nodes, order: own.graph.nodes.map((_, index) => index) },
    macs: part.positions.map((index) => macs[index] ?? null),
  };
}
