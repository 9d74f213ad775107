// The daemon as a process: finds out whether one runs already, listens, says where, ends when idle or told to.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openLog, type Log } from '../host/log';
import { version } from '../host/version';
import { protocolVersion } from '../protocol/handshake';
import { handlers } from '../handlers/table';
import { Workspace } from '../workspace/workspace';
import {
  createDaemonFile,
  daemonFilePath,
  readDaemonFile,
  removeDaemonFile,
  stateFolder,
} from './daemonFile';
import { serve, type Served, type Service } from './dispatch';
import { answersAsOurs } from './probe';
import type { Transport } from './transport';
import { stdioTransport } from './transports/stdio';
import { listenWebSocket } from './transports/webSocket';

export interface DaemonOptions {
  /** Serves one client on standard input and output instead of listening. */
  readonly stdio?: boolean;
  /** A free one when absent or 0. */
  readonly port?: number;
  /** Ends after so long without connections, jobs and deployments; 10 when absent. */
  readonly idleMinutes?: number;
  /** Where the daemon file and the log lie; this user's state folder when absent. */
  readonly stateFolder?: string;
}

/** Runs until the daemon is told to end, is idle, or finds that another one runs already. */
export async function runDaemon(options: DaemonOptions = {}): Promise<void> {
  // Whoever started us may close our output; that is not a reason to end.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  const folder = options.stateFolder ?? stateFolder();
  await (options.stdio ? runOnStdio(folder) : runListening(folder, options));
}

async function runOnStdio(folder: string): Promise<void> {
  const log = openLog({ path: join(folder, 'daemon.log') });
  // Standard output belongs to the protocol; what a library prints goes the other way.
  console.log = console.info = console.error;
  const daemon = new Daemon(log, folder);
  const ended = endOnSignals(log);
  let code = 0;
  const { closed } = daemon.accept(
    stdioTransport(process.stdin, process.stdout),
    'stdio',
    (said) => (code = said),
  );
  await Promise.race([closed, ended]);
  await daemon.dispose();
  process.exitCode = code;
  // A client that keeps our output open without reading it would hold the process.
  setTimeout(() => process.exit(), 500).unref();
}

async function runListening(folder: string, options: DaemonOptions): Promise<void> {
  const token = randomBytes(32).toString('base64url');
  const log = openLog({ path: join(folder, 'daemon.log'), secrets: [token] });
  const found = await readDaemonFile(folder);
  if (found && (await answersAsOurs(found))) {
    sayWhere(found.port, folder, found.processId, true);
    return;
  }
  const daemon = new Daemon(log, folder);
  const listener = await listenWebSocket({
    port: options.port ?? 0,
    token,
    log,
    onConnection: (transport, name) => void daemon.accept(transport, name),
  });
  const content = {
    protocolVersion,
    daemonVersion: version,
    port: listener.port,
    token,
    processId: process.pid,
  };
  if (!(await createDaemonFile(folder, content, found))) {
    await listener.close();
    // Somebody else started a daemon at the same moment; it was quicker, so it is the one.
    await runListening(folder, options);
    return;
  }
  log.info(`daemon ${version} (process ${process.pid}) listens on 127.0.0.1:${listener.port}`);
  // Whoever reads the line may send a signal at once.
  const ended = endOnSignals(log);
  sayWhere(listener.port, folder, process.pid, false);
  const idle = whenIdle(
    (options.idleMinutes ?? 10) * 60_000,
    () => listener.connections() > 0 || daemon.busy(),
  );
  const why = await Promise.race([ended, idle]);
  log.info(`daemon ${process.pid} ends: ${why}`);
  await removeDaemonFile(folder, token).catch((error: unknown) =>
    log.error('The daemon file stays behind.', error),
  );
  await listener.close();
  await daemon.dispose();
  process.exit(0);
}

/** One JSON line on standard output, for whoever started us. */
function sayWhere(port: number, folder: string, processId: number, existing: boolean): void {
  const line = { listening: `ws://127.0.0.1:${port}`, file: daemonFilePath(folder), processId, existing };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Everything behind the transports. */
class Daemon {
  private readonly workspace: Workspace;
  private readonly service: Service;
  private readonly served = new Set<Served>();

  constructor(
    private readonly log: Log,
    folder: string,
  ) {
    this.workspace = new Workspace({
      runsFolder: join(folder, 'runs'),
      warn: (sentence) => log.warn(sentence),
    });
    this.service = { handlers, workspace: this.workspace, log };
    // A bug outside of any request is logged; it must not take the other windows' work with it.
    process.on('uncaughtException', (error) => log.error('Uncaught error.', error));
    process.on('unhandledRejection', (reason) => log.error('Unhandled rejection.', reason));
  }

  accept(transport: Transport, name: string, onExit?: (code: number) => void): Served {
    const served = serve(transport, this.service, onExit);
    this.served.add(served);
    this.log.info(`connection ${served.client.id} from ${JSON.stringify(name)}`);
    void served.closed.then(() => {
      this.served.delete(served);
      this.log.info(`connection ${served.client.id} closed`);
    });
    return served;
  }

  busy(): boolean {
    return this.workspace.jobs.size > 0 || this.workspace.deployments.live > 0;
  }

  async dispose(): Promise<void> {
    const closing = [...this.served].map((served) => {
      served.close();
      return served.closed;
    });
    const patience = new Promise((resolve) => setTimeout(resolve, 3000).unref());
    await Promise.race([Promise.all(closing), patience]);
    await this.workspace.dispose();
  }
}

/** Resolves with the signal that told us to end. */
function endOnSignals(log: Log): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        log.info(`${signal} received`);
        resolve(signal);
      });
    }
  });
}

/** Resolves once nothing was going on for `limitMs`. */
function whenIdle(limitMs: number, active: () => boolean): Promise<string> {
  return new Promise((resolve) => {
    let since = performance.now();
    const timer = setInterval(
      () => {
        const now = performance.now();
        if (active()) since = now;
        else if (now - since >= limitMs) {
          clearInterval(timer);
          resolve(`idle for ${limitMs / 60_000} minutes`);
        }
      },
      Math.min(15_000, Math.max(50, limitMs / 4)),
    );
  });
}
