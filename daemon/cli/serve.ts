// slipway serve: the model server in the foreground, as its own process. It ends when we end.

import { SlipwayError } from '../base/errors';
import { startScript } from '../host/processes';
import { parseOptions } from '../serve/options';
import { UsageError, type ParsedArgs } from './args';
import type { ForegroundCommand } from './command';

const number = (value: string, help: string) => ({ type: 'string', value, help }) as const;

export const serveCommand: ForegroundCommand = {
  spec: {
    name: 'serve',
    summary: 'Serves models over HTTP (Open Inference Protocol v2) until it is told to end',
    usage: 'serve MODEL…',
    options: {
      model: {
        type: 'string',
        multiple: true,
        value: 'NAME=PATH',
        help: 'A model with the name to serve it under',
      },
      host: number('ADDRESS', 'Address to listen on; 127.0.0.1 when absent'),
      port: number('N', 'Port; 8080 when absent, 0 takes a free one'),
      workers: number('N', 'Processes for each model; 1 when absent'),
      threads: number('N', 'Threads of each process; the cores divided by the workers when absent'),
      'max-queue': number('N', 'Requests that may wait for each model; 256 when absent'),
      'max-body-bytes': number('N', 'Largest request body; 67108864 when absent'),
      'run-seconds': number('N', 'Longest run of a model; 60 when absent'),
      'drain-seconds': number('N', 'Longest wait for accepted requests when ending; 25 when absent'),
      'prestop-seconds': number(
        'N',
        'Go on serving this long, no longer ready, before ending; 0 when absent',
      ),
      'allow-origin': {
        type: 'string',
        multiple: true,
        value: 'ORIGIN',
        help: 'Let web pages of this origin call',
      },
    },
    positionals: { min: 0, max: 64, what: 'A model' },
    examples: [
      'slipway serve resnet.int8.onnx --port 8080',
      'slipway serve --model digits=model.onnx --port 0 --json',
    ],
  },
  async runInForeground(args, json) {
    const argv = serverArgs(args);
    const state = { ready: false, asked: false };
    let pending = '';
    const server = startScript('server.js', {
      args: [...argv, '--watch-parent'],
      onOutput: (text) => {
        pending += text;
        const lines = pending.split('\n');
        pending = lines.pop() ?? '';
        for (const line of lines) {
          state.ready ||= line.startsWith('{"ready":true');
          process.stdout.write(`${json ? line : readable(line)}\n`);
        }
      },
      onError: (text) => process.stderr.write(text),
    });
    // Closing its input asks the server to drain. A terminal sends Ctrl-C to it as well, and a second signal
    // would end it at once; so the signal itself is not passed on.
    const ask = () => {
      if (state.asked) void server.stop(0);
      state.asked = true;
      server.child.stdin?.end();
    };
    process.on('SIGINT', ask).on('SIGTERM', ask).on('SIGHUP', ask);
    const exit = await server.exited;
    if (json && !state.ready && !state.asked) {
      const message = server.errorTail().trim().split('\n').at(-1) ?? 'The server did not start.';
      process.stdout.write(`${JSON.stringify({ error: { kind: 'serverFailed', message } })}\n`);
    }
    return exit.code === 0 ? 0 : 1;
  },
};

/** The same options for the server, checked here so that wrong ones are wrong usage. */
function serverArgs(args: ParsedArgs): string[] {
  const options = [...args.values].flatMap(([name, values]) => values.map((value) => `--${name}=${value}`));
  const argv = [...options, ...args.positionals];
  try {
    parseOptions(argv);
  } catch (error) {
    if (error instanceof SlipwayError && error.kind === 'badRequest') throw new UsageError(error.message);
    throw error;
  }
  return argv;
}

function readable(line: string): string {
  try {
    const { url, models } = JSON.parse(line) as { url?: unknown; models?: unknown };
    if (typeof url !== 'string' || !Array.isArray(models)) return line;
    const infer = `${url.replace(/\/$/, '')}/v2/models/${String(models[0])}/infer`;
    return `Serving ${models.join(', ')} at ${url} (POST ${infer}). Ctrl-C ends it.`;
  } catch {
    return line;
  }
}
