// The channel between page and host: answers, and every way of not getting one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Envelope } from '../../../daemon/protocol/page';
import { Channel, PageFailure, type Interest, type Port } from '../../../daemon/protocol/pageChannel';

type Asks = {
  double: { params: { n: number }; result: number };
  wait: { params: null; result: string };
  unclonable: { params: null; result: unknown };
};
type Note = { kind: 'hello'; text: string };

/** Two ends that hear each other a turn later, through a structured clone as in a window. */
function pair() {
  const listeners: [((message: unknown) => void)[], ((message: unknown) => void)[]] = [[], []];
  const port = (own: 0 | 1): Port => ({
    post(envelope: Envelope) {
      const copy: unknown = structuredClone(envelope);
      setImmediate(() => listeners[own === 0 ? 1 : 0].forEach((listener) => listener(copy)));
    },
    listen(listener) {
      listeners[own].push(listener);
      return () => listeners[own].splice(listeners[own].indexOf(listener), 1);
    },
  });
  const heard: Note[] = [];
  const errors: unknown[] = [];
  let waiting: { interest: Interest; answer: (text: string) => void } | undefined;
  const host = new Channel<Note, Note, Record<string, never>, Asks>(port(1), {
    onNote(note) {
      if (note.text === 'bad') throw new Error('handler');
      heard.push(note);
    },
    onError: (error) => errors.push(error),
    requests: {
      double({ n }) {
        if (n < 0) {
          throw Object.assign(new Error('No negative numbers.'), {
            code: -31010,
            data: { diagnostics: [{ id: 'x/y', severity: 'error', message: 'bad' }] },
          });
        }
        return 2 * n;
      },
      wait: (_, interest) => new Promise((answer) => (waiting = { interest, answer })),
      unclonable: () => () => 1,
    },
  });
  const page = new Channel<Note, Note, Asks>(port(0), { onNote: () => undefined, requests: {} });
  return { page, host, heard, errors, waiting: () => waiting, listeners };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
const failure = (expected: Partial<PageFailure['error']>) => (error: unknown) => {
  assert.ok(error instanceof PageFailure);
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(error.error[key as 'code'], value);
  return true;
};

describe('page channel', () => {
  it('answers requests and carries notes', async () => {
    const { page, heard } = pair();
    page.notify({ kind: 'hello', text: 'a' });
    assert.deepEqual(
      await Promise.all([page.request('double', { n: 2 }), page.request('double', { n: 5 })]),
      [4, 10],
    );
    assert.deepEqual(heard, [{ kind: 'hello', text: 'a' }]);
  });

  it('turns an exception into an error reply with code and diagnostics', async () => {
    const { page } = pair();
    await assert.rejects(
      page.request('double', { n: -1 }),
      failure({
        message: 'No negative numbers.',
        code: -31010,
        diagnostics: [{ id: 'x/y', severity: 'error', message: 'bad' }],
      }),
    );
  });

  it('answers what it does not know, and what cannot be sent', async () => {
    const { page } = pair();
    await assert.rejects(
      page.request('toString' as 'wait', null),
      failure({ message: 'Nobody answers “toString”.' }),
    );
    await assert.rejects(page.request('unclonable', null), PageFailure);
    await assert.rejects(page.request('double', { n: (() => 1) as never }), PageFailure);
  });

  it('cancels: the asker is rejected at once, the other end is told', async () => {
    const { page, waiting } = pair();
    const asked = page.ask('wait', null);
    await turn();
    asked.cancel();
    asked.cancel();
    await assert.rejects(asked.answer, failure({ code: 'cancelled' }));
    await turn();
    assert.equal(waiting()!.interest.lost, true);
    waiting()!.answer('too late');
    await turn();
  });

  it('rejects what waits when it is disposed, on both ends', async () => {
    const { page, host, waiting, listeners } = pair();
    const answer = page.request('wait', null);
    await turn();
    let told = false;
    waiting()!.interest.onLost(() => (told = true));
    host.dispose();
    assert.ok(told);
    page.dispose();
    await assert.rejects(answer, failure({ code: 'closed' }));
    await assert.rejects(page.request('double', { n: 1 }), failure({ code: 'closed' }));
    assert.deepEqual(listeners, [[], []]);
  });

  it('survives a bad note and foreign messages', async () => {
    const { page, errors, listeners } = pair();
    page.notify({ kind: 'hello', text: 'bad' });
    for (const message of [null, 1, 'x', {}, { type: 'reply', id: 99, kind: 'x', result: 1 }]) {
      listeners.flat().forEach((listener) => listener(message));
    }
    assert.equal(await page.request('double', { n: 1 }), 2);
    assert.equal(errors.length, 1);
  });
});
