import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askEarly, type AskGraph } from '../../../extension/editor/earlyGraph';

/** A daemon that answers with the number of the question; "lost 1" where nobody wants the first answer any more. */
function daemon(fails = false) {
  const log: string[] = [];
  let asked = 0;
  const ask: AskGraph = (params, interest) => {
    const number = ++asked;
    log.push(`${number} ${JSON.stringify(params)}`);
    interest.onLost(() => log.push(`lost ${number}`));
    if (fails) return Promise.reject(new Error(`failure ${number}`));
    return Promise.resolve({ revision: String(number), inferred: false, columns: new Uint8Array() });
  };
  return { log, ask };
}

const page = () => {
  const listeners: (() => void)[] = [];
  return {
    lost: false,
    onLost: (listener: () => void) => void listeners.push(listener),
    lose: () => listeners.forEach((listener) => listener()),
  };
};

test('the graph is asked for before the page asks, and once', async () => {
  const { log, ask } = daemon();
  const early = askEarly(ask);
  assert.deepEqual(log, ['1 {"quick":true}']);
  assert.equal((await early.graph({ quick: true }, page())).revision, '1');
  // The next question is a new one: the file may have changed.
  assert.equal((await early.graph({ quick: true }, page())).revision, '2');
});

test('a page that asks for another graph gets that, and the first question is given up', async () => {
  const { log, ask } = daemon();
  const early = askEarly(ask);
  assert.equal((await early.graph({ quick: true, scope: 'If/then_branch' }, page())).revision, '2');
  assert.deepEqual(log, ['1 {"quick":true}', 'lost 1', '2 {"quick":true,"scope":"If/then_branch"}']);
});

test('a page that no longer wants its answer, or is closed, cancels the early question', () => {
  const left = daemon();
  const asker = page();
  void askEarly(left.ask).graph({ quick: true }, asker);
  asker.lose();
  assert.equal(left.log.at(-1), 'lost 1');
  const closed = daemon();
  askEarly(closed.ask).dispose();
  assert.equal(closed.log.at(-1), 'lost 1');
});

test('an early failure is told when the page asks', async () => {
  const { ask } = daemon(true);
  const early = askEarly(ask);
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(early.graph({ quick: true }, page()), /failure 1/);
});
