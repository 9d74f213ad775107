// Disjoint sets with path halving; the root of a set is its earliest member.

export class UnionFind<Item = string> {
  private readonly parents = new Map<Item, Item>();
  private readonly order = new Map<Item, number>();

  add(item: Item): void {
    if (this.parents.has(item)) return;
    this.parents.set(item, item);
    this.order.set(item, this.order.size);
  }

  /** The item that stands for the set; an unknown item stands for itself. */
  root(item: Item): Item {
    let at = item;
    for (
      let parent = this.parents.get(at);
      parent !== undefined && parent !== at;
      parent = this.parents.get(at)
    ) {
      const above = this.parents.get(parent) ?? parent;
      this.parents.set(at, above);
      at = above;
    }
    return at;
  }

  join(a: Item, b: Item): void {
    this.add(a);
    this.add(b);
    const first = this.root(a);
    const second = this.root(b);
    if (first === second) return;
    const firstIsOlder = this.order.get(first)! < this.order.get(second)!;
    this.parents.set(firstIsOlder ? second : first, firstIsOlder ? first : second);
  }
}
