// Netron from its own package, unmodified, beside ours: seconds until its graph is on screen. For a measurement only.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { pythonWith } from '../../support/pythonEnvironment';

const version = '9.3.3';

/** Seconds until the graph is drawn, else in words what came instead; `missing` when it cannot be measured here. */
export async function netronSeconds(
  browser: Browser,
  path: string,
  limit: number,
): Promise<number | { instead: string } | { missing: string }> {
  const environment = pythonWith('netron', [`netron==${version}`]);
  if ('missing' in environment) return environment;
  const port = await freePort();
  const script = `import netron, sys; netron.serve(sys.argv[1], address=("127.0.0.1", int(sys.argv[2])), browse=False); netron.wait()`;
  const server = spawn(environment.python, ['-c', script, path, String(port)], { stdio: 'ignore' });
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    reducedMotion: 'reduce',
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    await answering(url);
    // It asks for consent to cookies otherwise.
    await context.addCookies([{ name: 'consent', value: '1', url }]);
    const page = await context.newPage();
    await page.goto(url, { waitUntil: 'commit' });
    const seconds = page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const look = () => {
            const drawn = document.querySelectorAll('g.node').length > 0;
            if (drawn && document.body.classList.contains('default'))
              requestAnimationFrame(() => setTimeout(() => resolve(performance.now() / 1000)));
            else setTimeout(look, 5);
          };
          look();
        }),
    );
    const start = performance.now();
    // A page that never rests answers nothing; its end rejects the question.
    const answer = seconds.catch(() => ({
      instead: `its page crashed after ${((performance.now() - start) / 1000).toFixed(0)} s without a graph`,
    }));
    return await Promise.race([
      answer,
      sleep(1000 * limit, { instead: `no graph after ${limit} s, given up` }),
    ]);
  } finally {
    await context.close();
    server.kill();
  }
}

export const netronName = `Netron ${version}`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      await fetch(url);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error('Netron did not start.');
}
