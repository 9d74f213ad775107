// Pages over a real daemon for one group of tests: started before the first, ended after the last.

import { join } from 'node:path';
import { after, before } from 'node:test';
import { connect, startDaemon, type RunningDaemon, type WireClient } from './daemonProcess';
import { Pages } from './webPage';

export interface DaemonPages {
  readonly pages: Pages;
  readonly client: WireClient;
}

/** Declares the start and the end in the suite that calls it; what it gives may be asked once tests run. */
export function pagesOverDaemon(folder: string): DaemonPages {
  let pages: Pages;
  let daemon: RunningDaemon;
  let client: WireClient;
  before(async () => {
    pages = await Pages.start();
    daemon = await startDaemon(join(folder, 'state'));
    client = await connect(daemon);
  });
  after(async () => {
    client.close();
    await daemon.stop();
    await pages.stop();
  });
  return {
    get pages() {
      return pages;
    },
    get client() {
      return client;
    },
  };
}
