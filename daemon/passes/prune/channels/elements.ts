// Which slices of which tensors must go together: every index of every axis of every value is an element, and
// union-find joins those that an operator ties. A set with a lock cannot be removed, and keeps the first reason.

/** One axis of one value. */
export interface AxisRef {
  readonly value: string;
  readonly axis: number;
  readonly length: number;
  /** Element of index 0; the others follow. */
  readonly base: number;
}

/** Axes longer than this are never channels (vocabularies, flattened images are shorter still). */
const longestAxis = 1 << 17;

export class Elements {
  readonly axes: AxisRef[] = [];
  private readonly byValue = new Map<string, (AxisRef | undefined)[]>();
  private readonly parents: number[] = [];
  /** Position in `reasons` of a root's lock, −1 without one. */
  private readonly locks: number[] = [];
  private readonly reasons: string[] = [];
  private readonly axisOfElement: number[] = [];

  /** Adds a value; axes whose length is not a number cannot be cut and have no elements. */
  add(value: string, dims: readonly (number | string | null)[] | null | undefined): void {
    if (this.byValue.has(value) || !dims) return;
    this.byValue.set(
      value,
      dims.map((length, axis) => {
        if (typeof length !== 'number' || length < 1 || length > longestAxis) return undefined;
        const made = { value, axis, length, base: this.parents.length };
        for (let i = 0; i < length; i += 1) {
          this.parents.push(made.base + i);
          this.locks.push(-1);
          this.axisOfElement.push(this.axes.length);
        }
        this.axes.push(made);
        return made;
      }),
    );
  }

  /** Axes of a value, undefined where one cannot be cut; an empty list for an unknown value. */
  of(value: string): readonly (AxisRef | undefined)[] {
    return this.byValue.get(value) ?? [];
  }

  axis(value: string, axis: number): AxisRef | undefined {
    return this.byValue.get(value)?.[axis];
  }

  get count(): number {
    return this.parents.length;
  }

  axisOf(element: number): AxisRef {
    return this.axes[this.axisOfElement[element]!]!;
  }

  root(element: number): number {
    let at = element;
    while (this.parents[at] !== at) {
      this.parents[at] = this.parents[this.parents[at]!]!;
      at = this.parents[at]!;
    }
    return at;
  }

  join(a: number, b: number): void {
    const [x, y] = [this.root(a), this.root(b)];
    if (x === y) return;
    const [first, second] = x < y ? [x, y] : [y, x];
    this.parents[second] = first;
    if (this.locks[first] === -1) this.locks[first] = this.locks[second]!;
  }

  /** Locks a whole axis. */
  lock(axis: AxisRef, reason: string): void {
    let index = -1;
    for (let i = 0; i < axis.length; i += 1) {
      const root = this.root(axis.base + i);
      if (this.locks[root] !== -1) continue;
      if (index === -1) index = this.reasons.push(reason) - 1;
      this.locks[root] = index;
    }
  }

  /** Why the element's set is locked; undefined when it is not. */
  reason(element: number): string | undefined {
    const lock = this.locks[this.root(element)]!;
    return lock === -1 ? undefined : this.reasons[lock];
  }

  /** True when every element of the axis is locked. */
  isLocked(axis: AxisRef): boolean {
    for (let i = 0; i < axis.length; i += 1) {
      if (this.locks[this.root(axis.base + i)] === -1) return false;
    }
    return true;
  }
}
