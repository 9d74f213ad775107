// The page's end of the talk with its host: the messages are declared in daemon/protocol/page.ts.
// The only place that knows acquireVsCodeApi and window messages.

import type { EditorFromPage, EditorRequests, EditorToPage } from '../daemon/protocol/page';
import type { HistoryFromPage, HistoryToPage } from '../daemon/protocol/historyPage';
import type { JobFromPage, JobRequests, JobToPage } from '../daemon/protocol/jobPage';
import type { Envelope, ResultsFromPage, ResultsToPage } from '../daemon/protocol/page';
import { Channel, type Port } from '../daemon/protocol/pageChannel';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

let api: VsCodeApi | undefined;
/** VS Code hands the API out once. */
function vscodeApi(): VsCodeApi {
  return (api ??= acquireVsCodeApi());
}

/** Envelopes over the window's messages. */
function windowPort(): Port {
  return {
    post: (envelope: Envelope) => vscodeApi().postMessage(envelope),
    listen(listener) {
      const onMessage = (event: MessageEvent<unknown>) => listener(event.data);
      window.addEventListener('message', onMessage);
      return () => window.removeEventListener('message', onMessage);
    },
  };
}

export type EditorHost = Channel<EditorFromPage, EditorToPage, EditorRequests>;
export type ResultsHost = Channel<ResultsFromPage, ResultsToPage>;
export type HistoryHost = Channel<HistoryFromPage, HistoryToPage>;
export type JobHost = Channel<JobFromPage, JobToPage, JobRequests>;

/** Connects the model editor's page. */
export function connectEditor(onNote: (note: EditorToPage) => void): EditorHost {
  return new Channel<EditorFromPage, EditorToPage, EditorRequests>(windowPort(), {
    onNote,
    requests: {},
    onError: reportError,
  });
}

/** Connects the results page. */
export function connectResults(onNote: (note: ResultsToPage) => void): ResultsHost {
  return new Channel<ResultsFromPage, ResultsToPage>(windowPort(), {
    onNote,
    requests: {},
    onError: reportError,
  });
}

/** Connects the page of a job. */
export function connectJob(onNote: (note: JobToPage) => void): JobHost {
  return new Channel<JobFromPage, JobToPage, JobRequests>(windowPort(), {
    onNote,
    requests: {},
    onError: reportError,
  });
}

/** Connects the page of a model's history. */
export function connectHistory(onNote: (note: HistoryToPage) => void): HistoryHost {
  return new Channel<HistoryFromPage, HistoryToPage>(windowPort(), {
    onNote,
    requests: {},
    onError: reportError,
  });
}

/** A bug of ours: seen in the developer tools, and by tests as a page error. */
function reportError(error: unknown): void {
  window.reportError(error);
}

/** What the page kept with `keepState`, while its tab lives. */
export function keptState(): unknown {
  return vscodeApi().getState();
}

/** Keeps view state over hiding and reloading of the tab. */
export function keepState(state: unknown): void {
  vscodeApi().setState(state);
}
