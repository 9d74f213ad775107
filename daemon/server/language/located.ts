// Problems of a binary model led to its text: a model has no lines, so each problem that names a node, value or graph
// gets a related place in the model's text, which opens at a click. Made after the problems are told, in the background.

import { Places } from '../../analysis/language/places';
import { allGraphs } from '../../analysis/scopes/scopes';
import type { Diagnostic } from '../../base/diagnostic';
import { breathe, type Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { textUri } from '../../protocol/textFace';
import type { Workspace } from '../../workspace/workspace';
import type { Range } from '../../analysis/language/lines';

/** A related place of a problem, as the Language Server Protocol has it. */
export interface RelatedPlace {
  readonly location: { readonly uri: string; readonly range: Range };
  readonly message: string;
}

/** The text of a model with more nodes is made when somebody asks for it, not for its problems. */
const mostNodes = 50_000;

/** The places of a model's diagnostics in its text; undefined where there are none to be found. */
export async function placesInText(
  uri: string,
  diagnostics: readonly Diagnostic[],
  { models, texts }: Workspace,
  task: Task,
): Promise<ReadonlyMap<Diagnostic, RelatedPlace> | undefined> {
  const named = diagnostics.filter(
    ({ where }) => where && (where.node ?? where.value ?? where.scope) !== undefined,
  );
  if (named.length === 0) return undefined;
  const { model } = (await models.get(uri, undefined, task)).read;
  if (!model || nodesOf(model) > mostNodes) return undefined;
  const text = textUri(uri);
  const document = await texts.get(text, task);
  const places = await Places.of(document.syntax, task);
  const found = new Map<Diagnostic, RelatedPlace>();
  for (const each of named) {
    const mark = await places.find(each.where!);
    await breathe(task);
    if (!mark) continue;
    const location = { uri: text, range: document.lines.range(mark) };
    found.set(each, { location, message: `${mark.text === '' ? 'Here' : mark.text} in the model's text` });
  }
  return found;
}

function nodesOf(model: Model): number {
  let nodes = 0;
  for (const { graph } of allGraphs(model)) nodes += graph.nodes.length;
  return nodes;
}
