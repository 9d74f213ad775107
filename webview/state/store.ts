// One immutable state object and whoever wants to hear of changes. Listeners run once per frame at most.

export class Store<State extends object> {
  private readonly listeners: ((state: State, previous: State) => void)[] = [];
  private told: State;
  private scheduled = false;

  constructor(private current: State) {
    this.told = current;
  }

  get state(): State {
    return this.current;
  }

  /** Replaces the named parts. */
  update(changes: Partial<State>): void {
    this.current = { ...this.current, ...changes };
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      const previous = this.told;
      this.told = this.current;
      for (const listener of this.listeners) listener(this.told, previous);
    });
  }

  subscribe(listener: (state: State, previous: State) => void): void {
    this.listeners.push(listener);
  }
}
