// How the two nodes of a pair differ: attributes, weights, and what they read.

import type { Attribute, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { dataTypeName } from '../../ir/dataType';
import { attributeText } from '../attributeText';
import { shapeText } from '../typeText';
import { Source, type Constant, type DiffGraph } from './diffGraph';
import { isCommutative } from './structureHashes';
import type { Matching } from './matching';
import {
  attributeWords,
  defaultText,
  inputLabel,
  inputWords,
  weightWords,
  type Opsets,
  type WeightSide,
} from './words';

export interface AttributeChange {
  readonly name: string;
  /** Value as text; null where the attribute is absent. */
  readonly from: string | null;
  readonly to: string | null;
  readonly words: string;
}

export interface WeightChange {
  readonly slot: number;
  /** Names of the initializers; null where the slot holds none. */
  readonly nameA: string | null;
  readonly nameB: string | null;
  /** "float 64×3×7×7", with the operator that it passes through: "int8 64×3×7×7 through DequantizeLinear". */
  readonly from: string | null;
  readonly to: string | null;
  /** What differs first: type, then shape, then values. */
  readonly what: 'added' | 'removed' | 'type' | 'shape' | 'values';
  readonly words: string;
}

export interface InputChange {
  readonly slot: number;
  /** What it reads, by value name; null for nothing. */
  readonly from: string | null;
  readonly to: string | null;
  readonly words: string;
}

/** Operator sets of both sides. */
export interface BothOpsets {
  readonly a: Opsets;
  readonly b: Opsets;
}

/** Says whether two tensors of the same type and shape hold the same values. */
export type SameValues = (a: Tensor, b: Tensor) => Promise<boolean>;

const sameBytes = (a: Uint8Array, b: Uint8Array) =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);

/**
 * Attributes that differ in value or type; one that is not stated counts as its default. Graphs are compared elsewhere
 * and count as equal.
 */
export async function attributeChanges(
  a: Node,
  b: Node,
  same: SameValues,
  opsets: BothOpsets,
): Promise<AttributeChange[]> {
  if (a.attributes.length === 0 && b.attributes.length === 0) return [];
  const others = new Map(b.attributes.map((attribute) => [attribute.name, attribute]));
  const changes: AttributeChange[] = [];
  const add = (name: string, from: string | null, to: string | null) => {
    const absent = from === null ? defaultText(a, name, opsets.a) : to === null ? defaultText(b, name, opsets.b) : undefined; // prettier-ignore
    if ((from ?? absent) === (to ?? absent)) return;
    changes.push({ name, from, to, words: attributeWords(name, from, to, absent) });
  };
  for (const attribute of a.attributes) {
    const other = others.get(attribute.name);
    others.delete(attribute.name);
    if (!other) add(attribute.name, attributeText(attribute), null);
    else if (!(await equalAttributes(attribute, other, same))) {
      const [from, to] = [attributeText(attribute), attributeText(other)];
      changes.push({
        name: attribute.name,
        from,
        to,
        words:
          from === to
            ? `${attribute.name}: other values`
            : attributeWords(attribute.name, from, to, undefined),
      });
    }
  }
  for (const [name, attribute] of others) add(name, null, attributeText(attribute));
  return changes;
}

async function equalAttributes(a: Attribute, b: Attribute, same: SameValues): Promise<boolean> {
  if (a.type !== b.type || (a.refAttrName ?? '') !== (b.refAttrName ?? '')) return false;
  if (a.type === 'GRAPH' || a.type === 'GRAPHS') return true;
  if (a.type === 'TENSOR' && b.type === 'TENSOR') return sameTensor(a.value, b.value, same);
  if (a.type === 'STRING' && b.type === 'STRING') return sameBytes(a.value, b.value);
  if (a.type === 'FLOAT' && b.type === 'FLOAT') return Object.is(a.value, b.value);
  if (a.type === 'INT' && b.type === 'INT') return a.value === b.value;
  if (a.type === 'INTS' && b.type === 'INTS') return a.value.join() === b.value.join();
  if (a.type === 'FLOATS' && b.type === 'FLOATS')
    return a.value.length === b.value.length && a.value.every((value, at) => Object.is(value, b.value[at]));
  return attributeText(a) === attributeText(b);
}

async function sameTensor(a: Tensor, b: Tensor, same: SameValues): Promise<boolean> {
  return a.dataType === b.dataType && a.dims.join() === b.dims.join() && (await same(a, b));
}

/** Constants that differ, slot by slot; those that are computed on both sides count as equal. */
export async function weightChanges(
  matching: Matching,
  x: number,
  y: number,
  same: SameValues,
  opsets: BothOpsets,
): Promise<WeightChange[]> {
  const { a, b } = matching;
  const slots = Math.max(slotCount(a, x), slotCount(b, y));
  const changes: WeightChange[] = [];
  const order = constantSlots(a, b, x, y, slots);
  for (const [slot, other] of order) {
    const left = constantAt(a, x, slot);
    const right = constantAt(b, y, other);
    const what = await weightChange(left, right, same);
    if (!what) continue;
    changes.push({
      slot,
      nameA: left?.tensor?.name || left?.name || null,
      nameB: right?.tensor?.name || right?.name || null,
      from: left ? describe(a, left) : null,
      to: right ? describe(b, right) : null,
      words: weightWords(
        inputLabel(b.nodes[y]!, other, opsets.b),
        left && sideOf(a, left),
        right && sideOf(b, right),
      ),
      what,
    });
  }
  return changes;
}

/** How two constants differ; undefined where they do not. */
async function weightChange(
  left: Constant | undefined,
  right: Constant | undefined,
  same: SameValues,
): Promise<WeightChange['what'] | undefined> {
  if (!left) return right && 'added';
  if (!right) return 'removed';
  const [one, other] = [left.tensor, right.tensor];
  if (!one || !other) return one || other ? 'values' : undefined;
  if (one === other) return undefined;
  if (one.dataType !== other.dataType) return 'type';
  if (!sameDims(one.dims, other.dims)) return 'shape';
  return (await same(one, other)) ? undefined : 'values';
}

const sameDims = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** Slots of both sides laid beside each other; those of commutative operators may be swapped. */
function constantSlots(a: DiffGraph, b: DiffGraph, x: number, y: number, slots: number): [number, number][] {
  const straight = Array.from({ length: slots }, (_, slot): [number, number] => [slot, slot]);
  if (slots !== 2 || !isCommutative(a.nodes[x]!.opType)) return straight;
  const crossed =
    !!constantAt(a, x, 0) === !!constantAt(b, y, 1) && !!constantAt(a, x, 1) === !!constantAt(b, y, 0);
  const fits =
    !!constantAt(a, x, 0) === !!constantAt(b, y, 0) && !!constantAt(a, x, 1) === !!constantAt(b, y, 1);
  return crossed && !fits ? [[0, 1], [1, 0]] : straight; // prettier-ignore
}

const slotCount = ({ skeleton }: DiffGraph, index: number) =>
  skeleton.start[index + 1]! - skeleton.start[index]!;

function constantAt({ skeleton, constants }: DiffGraph, index: number, slot: number) {
  const at = skeleton.start[index]! + slot;
  if (at >= skeleton.start[index + 1]! || skeleton.from[at] !== Source.constant) return undefined;
  return constants[skeleton.port[at]!];
}

function describe(graph: DiffGraph, constant: DiffGraph['constants'][number]): string {
  const { tensor, through } = constant;
  const ops = through.map((index) => graph.nodes[index]!.opType).filter((op) => op !== 'Constant');
  if (!tensor) return `computed by ${ops[0] ?? 'constants'}`;
  return `${tensorLine(tensor)}${ops.length > 0 ? ` through ${ops.join(', ')}` : ''}`;
}

function sideOf(graph: DiffGraph, { tensor, name, through }: DiffGraph['constants'][number]): WeightSide {
  const ops = through.map((index) => graph.nodes[index]!.opType).filter((op) => op !== 'Constant');
  return {
    name: tensor?.name || name,
    dtype: tensor ? dataTypeName(tensor.dataType) : '',
    shape: tensor ? (elementCount(tensor.dims) === 0 ? 'empty' : shapeText(tensor.dims)) : '',
    through: ops,
  };
}

export const tensorLine = (tensor: Tensor): string =>
  `${dataTypeName(tensor.dataType)} ${elementCount(tensor.dims) === 0 ? 'empty' : shapeText(tensor.dims)}`;

/** Inputs that are read from elsewhere: not from the partner of what the other side reads. */
export function inputChanges(
  { a, b, ofA, ofB }: Matching,
  x: number,
  y: number,
  opsets: BothOpsets,
): InputChange[] {
  const changes: InputChange[] = [];
  if (isCommutative(a.nodes[x]!.opType) && sameSources(a, b, ofA, x, y)) return changes;
  const slots = Math.max(slotCount(a, x), slotCount(b, y));
  for (let slot = 0; slot < slots; slot += 1) {
    const left = sourceAt(a, x, slot);
    const right = sourceAt(b, y, slot);
    if (left.from === Source.constant || right.from === Source.constant) continue;
    // A source without a partner is told where it is replaced.
    if (left.from >= 0 && ofA[left.from] === -1) continue;
    if (right.from >= 0 && ofB[right.from] === -1) continue;
    const expected = left.from >= 0 ? ofA[left.from]! : left.from;
    if (expected === right.from && (left.from === Source.outer || left.port === right.port)) continue;
    const [from, to] = [a.nodes[x]!.inputs[slot] || null, b.nodes[y]!.inputs[slot] || null];
    const words = inputWords(inputLabel(b.nodes[y]!, slot, opsets.b), from, to);
    changes.push({ slot, from, to, words });
  }
  return changes;
}

function sameSources(a: DiffGraph, b: DiffGraph, ofA: Int32Array, x: number, y: number): boolean {
  const list = (graph: DiffGraph, index: number, map: (from: number) => number) =>
    Array.from({ length: slotCount(graph, index) }, (_, slot) => sourceAt(graph, index, slot))
      .map(({ from, port }) => `${from >= 0 ? map(from) : from} ${port}`)
      .sort()
      .join();
  return list(a, x, (from) => ofA[from]!) === list(b, y, (from) => from);
}

function sourceAt({ skeleton }: DiffGraph, index: number, slot: number): { from: number; port: number } {
  const at = skeleton.start[index]! + slot;
  return at < skeleton.start[index + 1]!
    ? { from: skeleton.from[at]!, port: skeleton.port[at]! }
    : { from: Source.absent, port: 0 };
}
