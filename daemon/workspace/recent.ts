// The last few things that were asked for, by key. What nobody asked for in a while is let go, unless it is held.

export interface RecentOptions {
  /** So many are kept at most. */
  readonly most: number;
  /** Unused for so long, a thing is let go. */
  readonly idleMs?: number;
  readonly isHeld?: (key: string) => boolean;
  /** Called after things were let go because nobody used them. */
  readonly onIdle?: () => void;
}

const minutes = 60_000;

export class Recent<T> {
  /** The least recently used first. */
  private readonly items = new Map<string, { readonly value: T; readonly used: number }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RecentOptions) {}

  get size(): number {
    return this.items.size;
  }

  /** The thing of a key, which counts as used now. */
  get(key: string): T | undefined {
    const item = this.items.get(key);
    if (item) this.set(key, item.value);
    return item?.value;
  }

  set(key: string, value: T): void {
    this.items.delete(key);
    this.items.set(key, { value, used: performance.now() });
    for (const oldest of this.items.keys()) {
      if (this.items.size <= this.options.most) break;
      this.items.delete(oldest);
    }
    const { idleMs = minutes } = this.options;
    this.timer ??= setInterval(() => this.sweep(idleMs), idleMs / 2).unref();
  }

  delete(key: string): void {
    this.items.delete(key);
  }

  clear(): void {
    this.items.clear();
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private sweep(idleMs: number): void {
    const before = this.items.size;
    for (const [key, { used }] of this.items)
      if (performance.now() - used >= idleMs && this.options.isHeld?.(key) !== true) this.items.delete(key);
    if (this.items.size === 0) this.clear();
    if (this.items.size < before) this.options.onIdle?.();
  }
}
