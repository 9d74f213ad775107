// Finds what is in view: boxes and edges by horizontal bands. Layered graphs are tall, so bands in y do
// most of the work; the caller checks x.

export class SpatialIndex {
  private readonly start: Int32Array;
  private readonly items: Int32Array;
  private readonly stamp: Uint32Array;
  private query = 0;
  private readonly bands: number;

  /** Indexes items by their vertical extent; an item whose extent is empty (to < from) is never found. */
  constructor(
    private readonly from: Float32Array,
    private readonly to: Float32Array,
    height: number,
    private readonly bandHeight = 256,
  ) {
    this.bands = Math.max(1, Math.ceil(height / bandHeight) + 1);
    this.start = new Int32Array(this.bands + 1);
    for (let i = 0; i < from.length; i++) {
      for (let b = this.band(from[i]!); b <= this.band(to[i]!) && to[i]! >= from[i]!; b++)
        this.start[b + 1]!++;
    }
    for (let b = 0; b < this.bands; b++) this.start[b + 1]! += this.start[b]!;
    this.items = new Int32Array(this.start[this.bands]!);
    const next = this.start.slice(0, this.bands);
    for (let i = 0; i < from.length; i++) {
      for (let b = this.band(from[i]!); b <= this.band(to[i]!) && to[i]! >= from[i]!; b++) {
        this.items[next[b]!++] = i;
      }
    }
    this.stamp = new Uint32Array(from.length);
  }

  /** Calls back once for each item that reaches into top … bottom. */
  each(top: number, bottom: number, found: (item: number) => void): void {
    this.query += 1;
    if (this.band(top) === 0 && this.band(bottom) === this.bands - 1) {
      // All of it: no need to look band by band.
      for (let item = 0; item < this.from.length; item++) {
        if (this.to[item]! >= this.from[item]! && this.to[item]! >= top && this.from[item]! <= bottom)
          found(item);
      }
      return;
    }
    for (let b = this.band(top); b <= this.band(bottom); b++) {
      for (let i = this.start[b]!; i < this.start[b + 1]!; i++) {
        const item = this.items[i]!;
        if (this.stamp[item] === this.query || this.to[item]! < top || this.from[item]! > bottom) continue;
        this.stamp[item] = this.query;
        found(item);
      }
    }
  }

  private band(y: number): number {
    return Math.min(this.bands - 1, Math.max(0, Math.floor(y / this.bandHeight)));
  }
}
