// The daemon itself: ping, and the machine it runs on.

import { GetMachine, Ping } from '../protocol/daemon';
import { handler } from './handler';

export const ping = handler(Ping, (_params, _task, { workspace }) => ({
  uptimeMs: performance.now() - workspace.startedAt,
  rssBytes: process.memoryUsage.rss(),
  peakRssBytes: process.resourceUsage().maxRSS * 1024,
}));

export const machine = handler(GetMachine, async (_params, task) => {
  const { describeMachine } = await import('../runtime/machine');
  return describeMachine(task);
});
