// The model server's process: options in, one JSON line out when it is ready, signals to the drain.

import { messageOf, SlipwayError } from '../base/errors';
import { openLog } from '../host/log';
import { ByteBudget } from './body';
import { drain } from './drain';
import type { FrontEnd, Lifecycle, Serving } from './frontEnd';
import { listenHttp } from './http';
import { Metrics } from './metrics';
import { parseOptions, usage, type ServerOptions } from './options';
import { Repository } from './repository';

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(usage);
    return;
  }
  const log = openLog();
  const lifecycle: Lifecycle = { draining: false };
  const repository: Repository = new Repository(
    options,
    { workerReplaced: (model) => metrics.workerReplaced(model) },
    log,
  );
  const metrics = new Metrics(() => repository.list());
  const serving: Serving = { repository, metrics, lifecycle, log };
  const stopping = new AbortController();
  const frontEnds: FrontEnd[] = [];
  let started = false;

  const end = once(async () => {
    stopping.abort();
    // Before readiness nobody was told that we serve.
    const prestopSeconds = started ? options.prestopSeconds : 0;
    const complete = await drain(serving, frontEnds, { ...options, prestopSeconds });
    process.exit(complete ? 0 : 1);
  });
  onEnd(options, end);
  try {
    // Listening comes first: a port in use is told at once, and liveness answers while models load.
    frontEnds.push(
      await listenHttp(serving, { ...options, budget: new ByteBudget(options.maxInflightBytes) }),
    );
    await repository.load(options.models, { signal: stopping.signal, report: () => undefined });
    repository.list().forEach((model) => metrics.modelAdded(model));
  } catch (error) {
    if (stopping.signal.aborted) return; // `end` is on its way.
    await repository.dispose();
    throw error;
  }
  started = true;
  const [frontEnd] = frontEnds;
  const models = repository.list().map((model) => model.name);
  process.stdout.write(`${JSON.stringify({ ready: true, url: frontEnd?.url, models })}\n`);
}

/** The first sign ends the server in order, the second at once. */
function onEnd(options: ServerOptions, end: () => Promise<void>): void {
  let asked = false;
  const ask = () => {
    if (asked) process.exit(1);
    asked = true;
    void end();
  };
  process.on('SIGTERM', ask).on('SIGINT', ask);
  // Whoever started us may stop listening; that is no reason to end.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  if (!options.watchParent) return;
  process.stdin.once('close', () => void end()).once('error', () => void end());
  process.stdin.resume();
}

/** The function, whose second call gives the promise of the first. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}

main().catch((error: unknown) => {
  const expected = error instanceof SlipwayError;
  process.stderr.write(`${expected ? error.message : ((error as Error).stack ?? messageOf(error))}\n`);
  process.exit(1);
});
