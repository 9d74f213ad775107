// Runs layouts in a worker made from source text (the page's policy allows blob workers only), one at a
// time; a new layout or `cancel` ends the one under way.

import type { Layout, LayoutInput } from './layoutTypes';
import type { LayoutAnswer } from './layoutWorker';

export class LayoutClient {
  private worker: Worker | undefined;
  private readonly url: string;

  constructor(workerSource: string) {
    this.url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  }

  /** Resolves with the layout, or with undefined when it was cancelled. */
  layout(input: LayoutInput, signal: AbortSignal): Promise<Layout | undefined> {
    this.worker?.terminate();
    const worker = new Worker(this.url);
    this.worker = worker;
    return new Promise((resolve, reject) => {
      const end = () => {
        worker.terminate();
        if (this.worker === worker) this.worker = undefined;
      };
      signal.addEventListener('abort', () => {
        end();
        resolve(undefined);
      });
      worker.onmessage = ({ data }: MessageEvent<LayoutAnswer>) => {
        end();
        if ('layout' in data) resolve(data.layout);
        else reject(new Error(data.error));
      };
      worker.onerror = (event) => {
        end();
        reject(new Error(event.message));
      };
      worker.postMessage(input);
    });
  }
}
