// Lifetimes: what is acquired goes on a list, and the list is released in reverse order.

export interface Disposable {
  dispose(): void | Promise<void>;
}

/** Owns things to release; `dispose` releases them last first, each once, and collects no errors silently. */
export class DisposableList implements Disposable {
  private readonly items: Disposable[] = [];

  add<T extends Disposable>(item: T): T {
    this.items.push(item);
    return item;
  }

  async dispose(): Promise<void> {
    const errors: unknown[] = [];
    for (let item = this.items.pop(); item; item = this.items.pop()) {
      try {
        await item.dispose();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'Some resources could not be released.');
  }
}
