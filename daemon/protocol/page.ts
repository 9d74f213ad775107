// What a page (webview) and its host (the extension) say to each other over `postMessage`. Types only:
// both ends are built from one checkout, so nothing is validated here. The channel that carries them is
// pageChannel.ts. The page never talks to the daemon: the host forwards.
//
// How a host serves a page: an HTML document whose body is empty, with
//   <link rel="stylesheet" href="…/webview/style.css">
//   <script type="module" nonce="…" src="…/webview/editor.js"></script>     (or results.js)
// and this policy: default-src 'none'; script-src 'nonce-…'; style-src ${cspSource}; font-src ${cspSource};
// img-src ${cspSource} data: blob:; worker-src blob:

import type { ProgressValue } from './common';
import type { CostRow } from './cost';
import type { CompressResult, Variant } from './compress';
import type { NodeDetails, TensorStatistics } from './graph';
import type { Inspection } from './inspect';
import type { Overlay, OverlayFormat } from './overlay';

/** A failure in words, as a page shows it. */
export interface PageError {
  /** A sentence: what happened, where, what to do. */
  message: string;
  /** Name or number of the error code, when there is one. */
  code?: string | number;
  /** What is wrong with the model, when that is why. */
  diagnostics?: Inspection['diagnostics'];
}

/** What the page sends through the channel: a request, a reply, the end of interest in a reply, or a note. */
export type Envelope =
  | { type: 'request'; id: number; kind: string; params: unknown }
  | { type: 'reply'; id: number; kind: string; result: unknown }
  | { type: 'failure'; id: number; kind: string; error: PageError }
  | { type: 'cancel'; id: number; kind: string }
  | { type: 'note'; kind: string; note: unknown };

/** Requests by kind, with what they take and what they answer. */
export type RequestMap = Record<string, { params: unknown; result: unknown }>;

// ── Model editor ────────────────────────────────────────────────────────────────────────────────────

/** Requests of the model editor's page; the host answers. */
export type EditorRequests = {
  /** Opens the editor's own model (`slipway/open`); `bind` gives free dimensions values. */
  open: {
    params: { bind?: Record<string, number> };
    result: { uri: string; revision: string; inspection: Inspection };
  };
  /** The columns of a graph (columns.ts, graph.ts); `scope` is absent for the main graph. Labels are told for `bind`. */
  graph: {
    params: { scope?: string; quick?: boolean; bind?: Record<string, number> };
    result: { revision: string; inferred: boolean; columns: ArrayBuffer | Uint8Array };
  };
  /** Rows of operators that have an attribute: `group=1`. */
  findNodes: { params: { scope?: string; attribute: string }; result: { rows: number[] } };
  /** Details of an operator by its row in the columns. */
  node: { params: { scope?: string; index: number; bind?: Record<string, number> }; result: NodeDetails };
  /** What the model costs; of the nodes those that compute something, the dearest first, at most 500. */
  cost: {
    params: { bind?: Record<string, number> };
    result: { ops: CostRow[]; scopes: CostRow[]; nodes: CostRow[]; assumed: Record<string, number> };
  };
  /** A range of an initializer: little-endian values. */
  tensor: {
    params: { scope?: string; name: string; start: number; count: number };
    result: { dtype: string; shape: number[]; data: ArrayBuffer | Uint8Array };
  };
  /** Statistics and histogram of an initializer. */
  statistics: { params: { scope?: string; name: string }; result: TensorStatistics };
};

/** What the model editor asks the editor around it to do. */
export type EditorCommand =
  JobCommand | 'compress' | 'deploy' | 'cost' | 'openSettings' | 'manageTrust' | 'showLog';

/** Jobs that have a panel of their own; each is the command `slipway.ID`. */
export type JobCommand =
  | 'compressByHand'
  | 'optimize'
  | 'quantize'
  | 'precision'
  | 'prune'
  | 'cluster'
  | 'lowRank'
  | 'recipe'
  | 'sensitivity'
  | 'benchmark'
  | 'profile'
  | 'evaluate';

/** Nodes that make up a part: chosen ones, or those between others. */
export interface PartChoice {
  nodes?: readonly number[];
  from?: readonly (string | number)[];
  to?: readonly (string | number)[];
}

export type EditorFromPage =
  /** The page listens; the host answers with `init`. */
  | { kind: 'ready' }
  | { kind: 'command'; command: EditorCommand }
  /** A picture of the graph, to be saved where the user says. */
  | { kind: 'savePicture'; name: string; data: Uint8Array }
  /** The user wants to paint values from a file of another tool; the host asks which, and answers with `overlays`. */
  | { kind: 'importOverlay' }
  /** A node was selected: its row, and the path of its graph. */
  | { kind: 'selected'; scope: string; index: number }
  /** The cost of the model as CSV, to be saved where the user says. */
  | { kind: 'saveCost'; by: 'op' | 'scope' | 'node' }
  /** Open the text of a graph or named scope (empty for the model), at the node of that name where there is one. */
  | { kind: 'openText'; scope: string; node?: string }
  /** Text for the clipboard. */
  | { kind: 'copy'; text: string }
  /** A line of a source that a stack trace in the model names; the host looks for it. */
  | { kind: 'openSource'; file: string; line: number }
  /** A tensor, to be saved as a NumPy array where the user says; `scope` is empty for the main graph. */
  | { kind: 'exportTensor'; scope: string; name: string }
  /** A part of the model, to be saved as a model where the user says; the fields are those of `slipway/extract`. */
  | ({ kind: 'extract'; scope: string } & PartChoice)
  /** An overlay, to be saved where the user says. */
  | { kind: 'exportOverlay'; overlay: Overlay; format: OverlayFormat }
  /** The page's view state, for a host that keeps it beyond the window. Opaque to the host. */
  | { kind: 'state'; state: unknown };

export type EditorToPage =
  | {
      kind: 'init';
      /** Text of webview/layoutWorker.js: the policy lets a worker start from a blob only. */
      workerSource: string;
      /** Whether the workspace is trusted: models are run only then. */
      trusted: boolean;
      /** File name of the model, shown until the model is open. */
      fileName: string;
      /** State that an earlier page sent, when the host kept it; the page's own getState comes first. */
      state?: unknown;
    }
  /** The file changed (or went away): the page opens it again, keeping camera and selection. */
  | { kind: 'modelChanged'; exists: boolean }
  | { kind: 'trustChanged'; trusted: boolean }
  /** Select a node and bring it into view: its row, and the path of its graph. */
  | { kind: 'select'; scope: string; index: number }
  /** Overlays of this model: all that there are. `show` is the name of the one to be painted now. */
  | { kind: 'overlays'; overlays: readonly Overlay[]; show?: string };

// ── Results panel ───────────────────────────────────────────────────────────────────────────────────

/** One compress job as far as it is known. The host sends the whole of it whenever it changes. */
export interface JobView {
  /** Title of the panel: "Compress resnet.onnx". */
  title: string;
  /** The model that is compressed. */
  model: { name: string; file: string };
  /** Where the job is now; null before it starts and when it has ended. */
  progress: ProgressValue | null;
  /** Variants so far, the original first; a later row replaces the earlier one of the same `file`. */
  rows: Variant[];
  /** Recipes that will be tried, so that their rows are there from the start: `original`, `int8 static`. */
  planned?: string[];
  /** The result, once the job is done. */
  result: CompressResult | null;
  /** Why the job failed; what it found until then stays in `rows`. */
  error: PageError | null;
  /** True when the user cancelled; what it found until then stays in `rows`. */
  cancelled: boolean;
}

export type ResultsToPage = { kind: 'job'; job: JobView };

export type ResultsFromPage =
  /** The page listens; the host answers with `job`. */
  | { kind: 'ready' }
  | { kind: 'cancel' }
  /** Keep this variant beside the original and drop the others. */
  | { kind: 'keep'; file: string }
  | { kind: 'deploy'; file: string }
  | { kind: 'openModel'; file: string }
  /** Open the original and this variant side by side, with what changed. */
  | { kind: 'differences'; file: string }
  /** Put the command line that makes this variant on the clipboard. */
  | { kind: 'copyRecipe'; text: string }
  /** Put the report on the clipboard. */
  | { kind: 'exportReport'; format: 'markdown' | 'csv' | 'json'; text: string };

/** Everything a host may tell a page. */
export type ToPage = EditorToPage | ResultsToPage;
/** Everything a page may tell its host unasked. */
export type FromPage = EditorFromPage | ResultsFromPage;
