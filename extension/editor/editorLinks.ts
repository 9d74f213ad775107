// Two editors of compared models, linked: what is selected in one is selected in the other, through the pairs that the
// comparison found.

/** A node of a graph of a model: the path of the graph and the row of the node. */
export interface NodePlace {
  readonly scope: string;
  readonly index: number;
}

type Select = (place: NodePlace) => void;

interface Link {
  readonly other: string;
  /** Row in this model → row in the other, with the graph there. */
  readonly partner: (place: NodePlace) => NodePlace | undefined;
}

export class EditorLinks {
  private readonly editors = new Map<string, Set<Select>>();
  private readonly links = new Map<string, Link>();

  /** An editor of a model; returns how to take it out. */
  add(uri: string, select: Select): () => void {
    const editors = this.editors.get(uri) ?? new Set<Select>();
    editors.add(select);
    this.editors.set(uri, editors);
    return () => editors.delete(select);
  }

  /** Links two models; `pairs` leads from a row of A to a row of B, for each pair of graphs. */
  link(
    a: string,
    b: string,
    pairs: readonly { scopeA: string; scopeB: string; a: ArrayLike<number>; b: ArrayLike<number> }[],
  ): void {
    this.links.clear();
    const way = (from: 'a' | 'b', to: 'a' | 'b') => {
      const graphs = new Map(
        pairs.map((each) => {
          const rows = new Map<number, number>();
          for (let at = 0; at < each[from].length; at += 1) rows.set(each[from][at]!, each[to][at]!);
          const scopes = { a: each.scopeA, b: each.scopeB };
          return [scopes[from], { scope: scopes[to], rows }];
        }),
      );
      return ({ scope, index }: NodePlace): NodePlace | undefined => {
        const graph = graphs.get(scope);
        const row = graph?.rows.get(index);
        return graph && row !== undefined ? { scope: graph.scope, index: row } : undefined;
      };
    };
    this.links.set(a, { other: b, partner: way('a', 'b') });
    this.links.set(b, { other: a, partner: way('b', 'a') });
  }

  /** The user selected a node in an editor of `uri`. */
  selected(uri: string, place: NodePlace): void {
    const link = this.links.get(uri);
    const partner = link?.partner(place);
    if (link && partner) this.select(link.other, partner);
  }

  /** Selects a node in all editors of a model. */
  select(uri: string, place: NodePlace): void {
    for (const select of this.editors.get(uri) ?? []) select(place);
  }
}
