// What a rule of the dependency graph sees of its node and may say: which elements are tied, and how the node is
// corrected once slices are gone. An axis that a rule does not mention is locked by analyse.ts, so that an
// operator without a rule is a barrier and never a wrong graph.

import type { Dims } from '../../../analysis/shapes';
import type { Node } from '../../../ir/model';
import type { AxisRef, Elements } from './elements';

/** Indices that stay on one axis; undefined when all of them do. */
export type Kept = (value: string, axis: number) => readonly number[] | undefined;

/** What an edit works with; `node` is already the copy that may be changed. */
export interface EditContext {
  readonly node: Node;
  readonly kept: Kept;
  /** Length of an axis afterwards. */
  readonly length: (value: string, axis: number) => number;
  /** Adds an INT64 vector and gives its name. */
  readonly integers: (values: readonly number[]) => string;
}

export type Edit = (context: EditContext) => void;

export interface RuleFacts {
  readonly opset: number;
  dims(value: string): Dims | null;
  /** Numbers of a small constant. */
  numbers(value: string): readonly number[] | undefined;
  /** Initializer that no one can replace. */
  isConstant(value: string): boolean;
  consumers(value: string): readonly Node[];
}

export class RuleContext {
  readonly edits: Edit[] = [];
  private readonly mentioned = new Set<AxisRef>();

  constructor(
    readonly node: Node,
    readonly facts: RuleFacts,
    readonly elements: Elements,
  ) {}

  input(index: number): string {
    return this.node.inputs[index] ?? '';
  }

  output(index = 0): string {
    return this.node.outputs[index] ?? '';
  }

  dims(value: string): Dims | null {
    return this.facts.dims(value);
  }

  axis(value: string, axis: number): AxisRef | undefined {
    return this.elements.axis(value, axis);
  }

  /** Says that cutting this axis asks nothing further of this node. */
  free(value: string, axis: number): void {
    const found = this.axis(value, axis);
    if (found) this.mentioned.add(found);
  }

  /** Ties index i of one axis with index i of the other; leaves them unmentioned when their lengths differ. */
  same(a: string, axisA: number, b: string, axisB: number): void {
    const [x, y] = [this.axis(a, axisA), this.axis(b, axisB)];
    if (!x || !y) {
      // A free dimension on one side only: nothing can follow the cut.
      return;
    }
    if (x.length !== y.length) return;
    this.ties(x, y, (i) => i, x.length);
  }

  /** Ties index i of `a` with index `map(i)` of `b`, for i below `count`. */
  ties(a: AxisRef, b: AxisRef, map: (i: number) => number, count: number): void {
    this.mentioned.add(a).add(b);
    for (let i = 0; i < count; i += 1) this.elements.join(a.base + i, b.base + map(i));
  }

  /** Every axis of two values of the same rank. */
  sameAll(a: string, b: string): void {
    const rank = this.dims(a)?.length;
    if (rank === undefined || rank !== this.dims(b)?.length) return;
    for (let axis = 0; axis < rank; axis += 1) this.same(a, axis, b, axis);
  }

  edit(change: Edit): void {
    this.edits.push(change);
  }

  isMentioned(axis: AxisRef): boolean {
    return this.mentioned.has(axis);
  }
}

export type Rule = (context: RuleContext) => void;
