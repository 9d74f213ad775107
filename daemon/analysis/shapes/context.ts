// What a shape rule sees of its node, and the small readers that rules share. A rule is pure: types and known
// values of the inputs in, types and known values of the outputs out.

import type { Steps } from '../../base/task';
import type { Attribute, Graph, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import type { Dim, Dims } from './dims';

/** Type of a value: `dtype` as in typeText ("undefined" when unknown); `dims` null for unknown rank or no tensor. */
export interface InferredType {
  readonly dtype: string;
  readonly dims: Dims | null;
  /** Of a sequence or optional: the shape that every tensor in it has, as far as that is one. */
  readonly elem?: Dims | null | undefined;
}

/** An output: its type and, for small tensors that shape arithmetic reads, its elements in row-major order. */
export interface Inferred extends InferredType {
  readonly values?: Dims | undefined;
}

export interface RuleContext {
  readonly node: Node;
  /** Version of the operator set that the node's domain is imported at. */
  readonly opset: number;
  /** True when the input is there (an absent optional input has an empty name). */
  has(index: number): boolean;
  /** Unknown (never undefined) when the input is absent or nothing is known of it. */
  type(index: number): InferredType;
  dims(index: number): Dims | null;
  dtype(index: number): string;
  /** Elements of an input, where known. */
  values(index: number): Dims | undefined;
  attribute(name: string): Attribute | undefined;
  /** Numbers of a tensor that is small and in memory (or that the caller could read). */
  constant(tensor: Tensor): readonly number[] | undefined;
  /** Reports that the operator's inputs do not fit together. */
  contradiction(message: string): void;
}

/** What the rule of an operator with bodies sees beside. */
export interface BodyContext extends RuleContext {
  /**
   * Infers a body with the given input types and gives the types of its outputs; `times` is how often one run
   * of the node runs the body.
   */
  body(name: string, graph: Graph, inputs: readonly Inferred[], times: Dim): Steps<readonly Inferred[]>;
}

/** Output types in order; undefined where the rule knows nothing. */
export type Rule = (context: RuleContext) => readonly (Inferred | undefined)[];
/** The rule of an operator with bodies, which are graphs of any size: it goes in steps. */
export type BodyRule = (context: BodyContext) => Steps<readonly (Inferred | undefined)[]>;
/** Rules of one family: standard operators by name, others as `com.microsoft.FusedConv`. */
export type RuleTable = Readonly<Record<string, Rule>>;

export const unknown: Inferred = { dtype: 'undefined', dims: null };

/** More elements than this are not tracked: shapes are short. */
export const mostTrackedValues = 1024;

const utf8 = new TextDecoder();

export function intOf(context: RuleContext, name: string, fallback: number): number {
  const found = context.attribute(name);
  return found?.type === 'INT' ? Number(found.value) : fallback;
}

export function intsOf(context: RuleContext, name: string): number[] | undefined {
  const found = context.attribute(name);
  return found?.type === 'INTS' ? found.value.map(Number) : undefined;
}

export function textOf(context: RuleContext, name: string, fallback: string): string {
  const found = context.attribute(name);
  return found?.type === 'STRING' ? utf8.decode(found.value) : fallback;
}

/** Integers that newer versions take as an input and older ones as an attribute; 'unknown' when the input is not known. */
export function intsFrom(
  context: RuleContext,
  input: number,
  attribute: string,
): readonly number[] | undefined | 'unknown' {
  if (!context.has(input)) return intsOf(context, attribute);
  const values = context.values(input);
  if (!values?.every((value) => typeof value === 'number')) return 'unknown';
  return values;
}

/** An axis counted from the front, or undefined when it lies outside. */
export function axisOf(axis: number, rank: number): number | undefined {
  const front = axis < 0 ? axis + rank : axis;
  return front >= 0 && front < rank ? front : undefined;
}

/** Axes counted from the front; undefined when one lies outside. */
export function axesOf(axes: readonly number[], rank: number): number[] | undefined {
  const result: number[] = [];
  for (const axis of axes) {
    const front = axisOf(axis, rank);
    if (front === undefined) return undefined;
    result.push(front);
  }
  return result;
}

/** A single known number, from a scalar or a tensor of one element. */
export function scalarOf(context: RuleContext, input: number): number | undefined {
  const values = context.values(input);
  const only = values?.length === 1 ? values[0] : undefined;
  return typeof only === 'number' ? only : undefined;
}

/** Output 0 has the type of input 0. */
export const likeFirst: Rule = (context) => [context.type(0)];

/** `count` unknown dimensions, for a count that is some tensor's rank. */
export const unknownDims = (count: number): Dims => new Array<Dim>(count).fill(null);

/** The same for a count that a file states: unknown rank when no tensor can have so many dimensions, or so few. */
export const unknownOfRank = (count: number | undefined): Dims | null =>
  count !== undefined && count >= 0 && count <= mostTrackedValues ? unknownDims(count) : null;
