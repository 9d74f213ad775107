// Numbers that say what a node is by itself: its operator, its attributes, the shape of its weights. Equal numbers
// mean equal nodes, up to a collision of 52 bits.

import { eachInSteps, type Steps } from '../../base/task';
import type { Attribute, Node } from '../../ir/model';
import { elementCount } from '../../ir/tensor';
import { Source, type DiffGraph } from './diffGraph';

/** Two 32-bit streams make one number that a Map takes as key. */
export class Hash {
  private low = 0x811c9dc5;
  private high = 0x5bd1e995;

  add(value: number): this {
    this.low = mix(this.low, value);
    this.high = mix(this.high ^ 0x2545f491, value);
    return this;
  }

  text(value: string): this {
    this.add(value.length);
    for (let at = 0; at < value.length; at += 1) this.add(value.charCodeAt(at));
    return this;
  }

  /** A number from `value()` of another hash. */
  hash(value: number): this {
    return this.add(value | 0).add(Math.floor(value / 2 ** 32));
  }

  value(): number {
    return (this.high & 0xfffff) * 2 ** 32 + (this.low >>> 0);
  }
}

function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ value, 0x9e3779b1);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x85ebca6b) + value;
  return mixed ^ (mixed >>> 13);
}

/** Sum of hashes in 52 bits: the same in any order. */
export const unordered = (a: number, b: number): number => (a + b) % 2 ** 52;

const floats = new Float64Array(1);
const words = new Int32Array(floats.buffer);
const addFloat = (hash: Hash, value: number) => {
  floats[0] = value;
  hash.add(words[0]!).add(words[1]!);
};

const bytesHash = (hash: Hash, bytes: Uint8Array) => {
  hash.add(bytes.length);
  for (let at = 0; at < bytes.length && at < 256; at += 1) hash.add(bytes[at]!);
};

/** Name, type and value of an attribute; of tensors only the type and shape, of graphs only the name. */
function addAttribute(hash: Hash, attribute: Attribute): void {
  hash
    .text(attribute.name)
    .text(attribute.type)
    .text(attribute.refAttrName ?? '');
  switch (attribute.type) {
    case 'INT':
      hash.text(String(attribute.value));
      break;
    case 'INTS':
      hash.text(attribute.value.join());
      break;
    case 'FLOAT':
      addFloat(hash, attribute.value);
      break;
    case 'FLOATS':
      attribute.value.forEach((value) => addFloat(hash, value));
      break;
    case 'STRING':
      bytesHash(hash, attribute.value);
      break;
    case 'STRINGS':
      attribute.value.forEach((value) => bytesHash(hash, value));
      break;
    case 'TENSOR':
      hash.add(attribute.value.dataType).text(attribute.value.dims.join());
      break;
    default:
  }
}

export const operatorName = ({ domain, opType, overload }: Node): string =>
  `${domain === '' || domain === 'ai.onnx' ? '' : `${domain}.`}${opType}${overload === '' ? '' : `:${overload}`}`;

export interface Labels {
  /** The operator alone. */
  readonly op: Float64Array;
  /** Operator, and whether it reads a constant of more than one element. */
  readonly kind: Float64Array;
  /** Operator, attributes in any order, and dimensions of the largest constant that it reads. */
  readonly full: Float64Array;
}

/** The numbers of every node, in steps. */
export function* nodeLabels({ nodes, skeleton, constants }: DiffGraph): Steps<Labels> {
  const op = new Float64Array(nodes.length);
  const kind = new Float64Array(nodes.length);
  const full = new Float64Array(nodes.length);
  const known = new Map<string, number>();
  yield* eachInSteps(nodes, (node, index) => {
    const name = operatorName(node);
    let code = known.get(name);
    if (code === undefined) known.set(name, (code = new Hash().text(name).value()));
    op[index] = code;
    const dims = weightDims(index);
    kind[index] = dims === '' ? code : new Hash().hash(code).add(1).value();
    let attributes = 0;
    for (const attribute of node.attributes) {
      const hash = new Hash();
      addAttribute(hash, attribute);
      attributes = unordered(attributes, hash.value());
    }
    full[index] = new Hash().hash(code).hash(attributes).text(dims).value();
  });
  return { op, kind, full };

  function weightDims(index: number): string {
    let largest: readonly number[] = [];
    let size = 0;
    for (let at = skeleton.start[index]!; at < skeleton.start[index + 1]!; at += 1) {
      if (skeleton.from[at] !== Source.constant) continue;
      const dims = constants[skeleton.port[at]!]!.tensor?.dims;
      if (!dims || elementCount(dims) < 2 || elementCount(dims) <= size) continue;
      size = elementCount(dims);
      // A bias may become a row: leading ones say nothing.
      largest = dims.slice(dims.findIndex((dim) => dim !== 1));
    }
    return largest.join();
  }
}

/**
 * In steps: a number for the weights that each node reads, from the fingerprint of every tensor of 16 or more elements; 0 for
 * nodes without any.
 */
export function* weightKeys(
  { nodes, skeleton, constants, hidden }: DiffGraph,
  labels: Labels,
  fingerprint: (at: number) => number | undefined,
): Steps<Float64Array> {
  const keys = new Float64Array(nodes.length);
  for (let index = 0; index < nodes.length; index += 1) {
    if (index % 256 === 255) yield;
    if (hidden[index]! > 0) continue;
    const hash = new Hash().hash(labels.op[index]!);
    let any = false;
    for (let at = skeleton.start[index]!; at < skeleton.start[index + 1]!; at += 1) {
      if (skeleton.from[at] !== Source.constant) continue;
      const tensor = constants[skeleton.port[at]!]!.tensor;
      if (!tensor || elementCount(tensor.dims) < 16) continue;
      const print = fingerprint(skeleton.port[at]!);
      if (print === undefined) continue;
      any = true;
      hash.add(at - skeleton.start[index]!).hash(print);
    }
    if (any) keys[index] = hash.value();
  }
  return keys;
}
