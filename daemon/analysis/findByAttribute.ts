// Which nodes have an attribute, or one of a value: what the search of the viewer asks for.

import { breathe, silentTask, type Task } from '../base/task';
import type { Attribute, Model, Node } from '../ir/model';
import { attributeText } from './attributeText';
import { graphAt } from './graphTable';
import { signatureOf } from './language/signature';
import { opsetOf } from './nodeDetails';

/**
 * Rows of the nodes that have an attribute. `wanted` is `name`, `name=value` or `=value`; a list has a value when one of
 * its elements is it, or all are as in `3,3`. A default of the operator counts as stated where a value is asked for.
 * Throws badRequest for a scope that is not there.
 */
export async function findByAttribute(
  model: Model,
  scope: string | undefined,
  wanted: string,
  task: Task = silentTask,
): Promise<number[]> {
  const scoped = graphAt(model, scope);
  const split = wanted.indexOf('=');
  const name = plain(split < 0 ? wanted : wanted.slice(0, split));
  const value = split < 0 ? undefined : plain(wanted.slice(split + 1));
  if (name === '' && (value === undefined || value === '')) return [];
  const defaults = new Map<string, boolean>();
  const byDefault = (node: Node): boolean => {
    if (name === '' || value === undefined) return false;
    const key = `${node.domain}:${node.opType}`;
    let known = defaults.get(key);
    if (known === undefined) {
      const signature = signatureOf(node.domain, node.opType, opsetOf(model, scoped, node.domain));
      const found = signature?.attributes.find((each) => each.name.toLowerCase() === name);
      known = found?.default !== undefined && isValue(found.default.replace(/^\[(.*)\]$/, '$1'), value);
      defaults.set(key, known);
    }
    return known;
  };
  const rows: number[] = [];
  for (const [row, node] of scoped.graph.nodes.entries()) {
    if (row % 1024 === 0) await breathe(task);
    const own = node.attributes.filter((attribute) => name === '' || attribute.name.toLowerCase() === name);
    const holds =
      own.length > 0
        ? value === undefined || own.some((attribute) => isValue(textOf(attribute), value))
        : byDefault(node);
    if (holds) rows.push(row);
  }
  return rows;
}

const plain = (text: string): string => text.trim().toLowerCase();

/** A number in the shortest way, so that 1e-05 is 0.00001. */
const canonical = (word: string): string => {
  const number = Number(word);
  return word === '' || Number.isNaN(number) ? word : String(number);
};

/** Beyond this many characters nobody types a value. */
const longest = 10_000;

function textOf(attribute: Attribute): string {
  if (attribute.type === 'INT') return String(attribute.value);
  if (attribute.type === 'FLOAT') return String(Number(attribute.value.toPrecision(7)));
  if (attribute.type === 'INTS') return attribute.value.slice(0, 1000).join(',');
  if (attribute.type === 'FLOATS')
    return Array.from(attribute.value.slice(0, 1000), (each) => String(Number(each.toPrecision(7)))).join(
      ',',
    );
  return attributeText(attribute).slice(0, longest);
}

function isValue(text: string, wanted: string): boolean {
  const words = (list: string) =>
    plain(list)
      .split(/[\s,×]+/)
      .filter((word) => word !== '')
      .map(canonical);
  const [have, want] = [words(text), words(wanted)];
  if (plain(text).replace(/^"(.*)"$/, '$1') === wanted) return true;
  if (want.length === 1) return have.includes(want[0]!);
  return want.length === have.length && want.every((word, i) => word === have[i]);
}
