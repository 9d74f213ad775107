// One end of the talk between a page and its host; both ends run this class with the types swapped.
// It settles the failure path: an exception in a handler becomes an error reply, an unknown kind is answered
// too, and disposing rejects everything that still waits. It knows no DOM and no VS Code: a Port does.

import type { Envelope, PageError, RequestMap } from './page';

/** How envelopes get to the other end. */
export interface Port {
  post(envelope: Envelope): void;
  /** Calls back for each envelope that arrives; returns how to stop. */
  listen(listener: (message: unknown) => void): () => void;
}

/** A reply that says the request failed. */
export class PageFailure extends Error {
  constructor(readonly error: PageError) {
    super(error.message);
    this.name = 'PageFailure';
  }
}

/** Set when the other end no longer wants the answer. */
export interface Interest {
  readonly lost: boolean;
  onLost(listener: () => void): void;
}

type Handlers<Serves extends RequestMap> = {
  [Kind in keyof Serves]: (
    params: Serves[Kind]['params'],
    interest: Interest,
  ) => Promise<Serves[Kind]['result']> | Serves[Kind]['result'];
};

interface Waiting {
  kind: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A request under way: `answer` settles, `cancel` rejects it at once and tells the other end. */
export interface Asked<Result> {
  readonly answer: Promise<Result>;
  cancel(): void;
}

export class Channel<
  Sends extends { kind: string },
  Receives extends { kind: string },
  Asks extends RequestMap = RequestMap,
  Serves extends RequestMap = RequestMap,
> {
  private nextId = 1;
  private disposed = false;
  private readonly waiting = new Map<number, Waiting>();
  private readonly serving = new Map<number, () => void>();
  private readonly stopListening: () => void;

  constructor(
    private readonly port: Port,
    private readonly handlers: {
      onNote(note: Receives): void;
      requests: Handlers<Serves>;
      /** Told of exceptions that no reply can carry: a note's handler that threw. */
      onError?(error: unknown): void;
    },
  ) {
    this.stopListening = port.listen((message) => {
      if (isEnvelope(message)) this.receive(message);
    });
  }

  /** Tells the other end something; nothing comes back. */
  notify(note: Sends): void {
    if (!this.disposed) this.port.post({ type: 'note', kind: note.kind, note });
  }

  /** Asks and waits. Rejects with PageFailure. */
  request<Kind extends keyof Asks & string>(
    kind: Kind,
    params: Asks[Kind]['params'],
  ): Promise<Asks[Kind]['result']> {
    return this.ask(kind, params).answer;
  }

  /** Asks; the caller may lose interest. */
  ask<Kind extends keyof Asks & string>(
    kind: Kind,
    params: Asks[Kind]['params'],
  ): Asked<Asks[Kind]['result']> {
    const id = this.nextId++;
    const answer = new Promise<Asks[Kind]['result']>((resolve, reject) => {
      if (this.disposed) {
        reject(closed(kind));
        return;
      }
      this.waiting.set(id, { kind, resolve, reject });
      try {
        this.port.post({ type: 'request', id, kind, params });
      } catch (error) {
        this.waiting.delete(id);
        reject(new PageFailure(describe(error)));
      }
    });
    return {
      answer,
      cancel: () => {
        const entry = this.waiting.get(id);
        if (entry === undefined) return;
        this.waiting.delete(id);
        this.port.post({ type: 'cancel', id, kind });
        entry.reject(new PageFailure({ message: `The request “${kind}” was cancelled.`, code: 'cancelled' }));
      },
    };
  }

  /** Stops listening, rejects what waits, and tells handlers under way that nobody wants their answers. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.stopListening();
    for (const entry of this.waiting.values()) entry.reject(closed(entry.kind));
    this.waiting.clear();
    for (const loseInterest of this.serving.values()) loseInterest();
    this.serving.clear();
  }

  private receive(message: Envelope): void {
    switch (message.type) {
      case 'note':
        try {
          this.handlers.onNote(message.note as Receives);
        } catch (error) {
          this.handlers.onError?.(error);
        }
        return;
      case 'request':
        void this.serve(message.id, message.kind, message.params);
        return;
      case 'cancel':
        this.serving.get(message.id)?.();
        return;
      case 'reply':
      case 'failure': {
        const entry = this.waiting.get(message.id);
        if (entry === undefined) return;
        this.waiting.delete(message.id);
        if (message.type === 'reply') entry.resolve(message.result);
        else entry.reject(new PageFailure(message.error));
      }
    }
  }

  private async serve(id: number, kind: string, params: unknown): Promise<void> {
    const listeners: (() => void)[] = [];
    const interest = { lost: false, onLost: (listener: () => void) => void listeners.push(listener) };
    this.serving.set(id, () => {
      interest.lost = true;
      for (const listener of listeners) listener();
    });
    let answer: Envelope;
    try {
      if (!Object.hasOwn(this.handlers.requests, kind)) throw new Error(`Nobody answers “${kind}”.`);
      const result: unknown = await this.handlers.requests[kind as keyof Serves](params, interest);
      answer = { type: 'reply', id, kind, result };
    } catch (error) {
      answer = { type: 'failure', id, kind, error: describe(error) };
    }
    this.serving.delete(id);
    if (this.disposed || interest.lost) return;
    try {
      this.port.post(answer);
    } catch (error) {
      // What cannot be cloned cannot be sent; the other end must still hear something.
      this.port.post({ type: 'failure', id, kind, error: describe(error) });
    }
  }
}

function closed(kind: string): PageFailure {
  return new PageFailure({
    message: `The window closed before “${kind}” was answered.`,
    code: 'closed',
  });
}

/** An exception in words. Keeps the code and diagnostics that a JSON-RPC error brings. */
function describe(error: unknown): PageError {
  if (error instanceof PageFailure) return error.error;
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, data } = error as Error & { code?: unknown; data?: unknown };
  const described: PageError = { message: error.message === '' ? error.name : error.message };
  if (typeof code === 'number' || typeof code === 'string') described.code = code;
  if (typeof data === 'object' && data !== null && 'diagnostics' in data && Array.isArray(data.diagnostics)) {
    described.diagnostics = data.diagnostics as NonNullable<PageError['diagnostics']>;
  }
  return described;
}

function isEnvelope(message: unknown): message is Envelope {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    'kind' in message &&
    typeof message.type === 'string' &&
    ['request', 'reply', 'failure', 'cancel', 'note'].includes(message.type)
  );
}
