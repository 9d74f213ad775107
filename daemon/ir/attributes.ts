// Reading a node's attributes by name, with the operator's default where it is absent.

import type { Attribute, Node } from './model';

const text = new TextDecoder();

export const findAttribute = (node: Node, name: string): Attribute | undefined =>
  node.attributes.find((attribute) => attribute.name === name);

/** An INT attribute as a number (beyond 2^53 it loses digits, which no operator's attribute needs). */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const found = findAttribute(node, name);
  return found?.type === 'INT' ? Number(found.value) : fallback;
}

export function intsAttribute(node: Node, name: string): number[] | undefined {
  const found = findAttribute(node, name);
  return found?.type === 'INTS' ? found.value.map(Number) : undefined;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const found = findAttribute(node, name);
  return found?.type === 'FLOAT' ? found.value : fallback;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const found = findAttribute(node, name);
  return found?.type === 'STRING' ? text.decode(found.value) : fallback;
}
