// The runner process: answers the calls of its owner one after another and ends with it.

import { messageOf, SlipwayError } from '../../base/errors';
import { endWithParent } from '../../host/processes';
import { runnerAnswers } from './runnerCalls';
import type { RunnerCall, RunnerCalls, RunnerReply, RunnerRequest } from './runnerMessages';

async function answer(request: RunnerRequest): Promise<RunnerReply> {
  const { id } = request;
  try {
    const call = runnerAnswers[request.call] as (
      params: unknown,
    ) => Promise<RunnerCalls[RunnerCall]['result']>;
    return { id, result: await call(request.params) };
  } catch (error) {
    const kind = error instanceof SlipwayError ? error.kind : 'runnerFailed';
    return { id, error: { kind, message: messageOf(error) } };
  }
}

let last: Promise<void> = Promise.resolve();
process.on('message', (request: RunnerRequest) => {
  last = last.then(async () => {
    const reply = await answer(request);
    process.send?.(reply);
  });
});
// Ctrl-C in a terminal reaches the whole process group; the owner decides what becomes of a run.
process.on('SIGINT', () => undefined);
endWithParent();
