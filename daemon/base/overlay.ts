// An Overlay is one number or one category for each node of a graph, to be painted on its picture, listed in a table
// and exchanged with other tools. Every room that measures or computes something per node can make one.

export interface OverlayEntry {
  /** Name of the node; where a node has none, the name of one of its outputs. */
  readonly node: string;
  /** For `sequential` and `diverging` overlays. */
  readonly value?: number;
  /** For `category` overlays. */
  readonly category?: string;
  /** Words for the tooltip and the table, such as the reason. */
  readonly text?: string;
}

export interface Overlay {
  /** Stable and unique among the overlays of a model: `profile.time`. A later overlay of the same name replaces it. */
  readonly name: string;
  /** What people call it: "Time". */
  readonly title: string;
  /** Unit of the values: `µs`, `B`, `dB`; empty for plain numbers and categories. */
  readonly unit: string;
  /** Values from least to most, values around a middle of 0, or names. */
  readonly kind: 'sequential' | 'diverging' | 'category';
  /** Path of the nested graph that the nodes are in; absent for the main graph. */
  readonly scope?: string;
  readonly entries: OverlayEntry[];
  /** Decides the colour: worse is red, better is green, absent is neutral. */
  readonly higherIs?: 'better' | 'worse';
  /** How a closed scope shows what it holds; `sum` when absent (`mean` for `diverging`). */
  readonly combine?: 'sum' | 'max' | 'min' | 'mean';
}
