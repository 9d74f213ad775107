// Names that no value, node or initializer of a model has yet.

import { bodiesOf } from '../ir/graphIndex';
import type { Graph, Model } from '../ir/model';

/** Hands out unique names; nodes and values share one pool, bodies of If and Loop included. */
export class Names {
  private readonly taken = new Set<string>();

  constructor(model: Model) {
    this.see(model.graph);
  }

  private see(graph: Graph): void {
    for (const value of [...graph.inputs, ...graph.outputs, ...graph.valueInfo]) this.taken.add(value.name);
    for (const tensor of graph.initializers) this.taken.add(tensor.name);
    for (const sparse of graph.sparseInitializers) this.taken.add(sparse.values.name);
    for (const node of graph.nodes) {
      this.taken.add(node.name);
      for (const output of node.outputs) this.taken.add(output);
      for (const body of bodiesOf(node)) this.see(body);
    }
  }

  /** `base` itself when it is free, else `base_2`, `base_3`, …; the name is taken from then on. */
  fresh(base: string): string {
    let name = base;
    for (let i = 2; this.taken.has(name) || name === ''; i += 1) name = `${base}_${i}`;
    this.taken.add(name);
    return name;
  }
}
