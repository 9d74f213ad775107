// What the model editor's page shows, and the part of it that outlives the page.

import type { PageError, PartChoice } from '../../daemon/protocol/page';
import type { NodeDetails, TensorStatistics } from '../../daemon/protocol/graph';
import type { Inspection } from '../../daemon/protocol/inspect';
import type { Overlay } from '../../daemon/protocol/overlay';
import type { CostPaneView, CostTab } from '../cost/costPane';
import { flat, type GraphTable, type Opening } from '../graph/table';
import { readOpeningPaths, type OpeningPaths } from '../graph/openings';
import type { Camera } from '../graph/camera';
import type { OverlayPaint, RowValues } from '../graph/overlayPaint';
import type { TableSort } from '../inspector/valueTable';

export type Phase =
  | { name: 'opening' }
  | { name: 'layingOut'; nodes: number }
  | { name: 'ready' }
  | { name: 'layoutCancelled'; nodes: number }
  | { name: 'failed'; error: PageError };

/** Values of a tensor as text, or why they are not there. */
export type TensorPreview =
  | { state: 'loading' }
  | {
      state: 'shown';
      /** Position of the first of them. */
      start: number;
      values: readonly string[];
      /** Others are being fetched. */
      turning: boolean;
      /** Why others could not be fetched. */
      why?: string;
      /** Undefined while they are computed, text when they cannot be. */
      statistics: TensorStatistics | string | undefined;
    }
  | { state: 'failed'; why: string };

export interface EditorState {
  phase: Phase;
  /** True once waiting has lasted long enough to say so. */
  slow: boolean;
  trusted: boolean;
  fileName: string;
  /** The file on disk is gone; what is shown is the last that was read. */
  gone: boolean;
  inspection: Inspection | undefined;
  /** Values of free dimensions that the user gave. */
  bind: Readonly<Record<string, number>>;
  /** Path of the nested graph that is shown; empty for the main graph. */
  scope: string;
  /** Nested graphs on the way to `scope`, which is the last; those that were passed through. */
  trail: readonly string[];
  table: GraphTable | undefined;
  /** Which scopes are open. */
  opening: Opening;
  /** Row of the selected node. */
  selected: number | undefined;
  /** Undefined while they are fetched. */
  details: NodeDetails | PageError | undefined;
  /** Values that were asked for, by initializer name. */
  previews: ReadonlyMap<string, TensorPreview>;
  query: string;
  /** Rows that match the query, in reading order. */
  hits: readonly number[];
  /** Index into hits. */
  hit: number;
  /** Q and DQ nodes lie in the operators that they belong to. */
  foldQuantization: boolean;
  /** Boxes tell the names of their nodes, edges those of their values. */
  showNames: boolean;
  /** Rows that are traced, in words what they are, and how they are taken out as a model, where that can be. */
  trace: { rows: ReadonlySet<number>; words: string; part: PartChoice | undefined } | undefined;
  /** Overlays that can be chosen: what the model tells by itself, then those of the host. */
  overlays: readonly Overlay[];
  /** The one that is painted. */
  overlay: { values: RowValues; paint: OverlayPaint } | undefined;
  /** The table of values under the graph. */
  valueTable: { open: boolean; height: number; sort: TableSort; top: number };
  /** The cost under the graph. */
  cost: { open: boolean; tab: CostTab; sort: CostPaneView['sort']; tables: CostPaneView['tables'] };
  inspectorOpen: boolean;
  inspectorWidth: number;
}

export const firstEditorState: EditorState = {
  phase: { name: 'opening' },
  slow: false,
  trusted: false,
  fileName: '',
  gone: false,
  inspection: undefined,
  bind: {},
  scope: '',
  trail: [],
  table: undefined,
  opening: flat,
  selected: undefined,
  details: undefined,
  previews: new Map(),
  query: '',
  hits: [],
  hit: 0,
  foldQuantization: true,
  showNames: false,
  trace: undefined,
  overlays: [],
  overlay: undefined,
  valueTable: { open: false, height: 220, sort: { by: 'value', down: true }, top: 0 },
  cost: { open: false, tab: 'op', sort: undefined, tables: undefined },
  inspectorOpen: true,
  inspectorWidth: 320,
};

/** The way to a nested graph, after the way to the one that was shown before. */
export function trailTo(trail: readonly string[], scope: string): readonly string[] {
  if (scope === '') return [];
  return [...trail.filter((outer) => scope.startsWith(`${outer}/`)), scope];
}

/** Values of free dimensions, where there are any. */
export const boundOf = ({ bind }: EditorState): { bind?: Record<string, number> } =>
  Object.keys(bind).length === 0 ? {} : { bind };

/** What is kept with the tab. */
export interface KeptState {
  scope: string;
  camera: Camera | undefined;
  /** Row and name: the row holds as long as the file does, the name may outlive a change. */
  selected: { row: number; name: string } | undefined;
  inspectorOpen: boolean;
  inspectorWidth: number;
  opening: OpeningPaths | undefined;
  /** Name of the overlay that is painted. */
  overlay: string | undefined;
  tableOpen: boolean;
  tableHeight: number;
  /** Values of free dimensions that the user gave. */
  bind: Readonly<Record<string, number>>;
  foldQuantization: boolean;
  showNames: boolean;
  /** Calls whose functions are in the picture, by path. */
  calls: readonly string[];
}

/** What is kept of a state, beside what only its controllers know. */
export function keptOf(
  state: EditorState,
  beside: Pick<KeptState, 'camera' | 'opening' | 'overlay' | 'calls'>,
): KeptState {
  const { scope, selected, table, inspectorOpen, inspectorWidth, valueTable, bind } = state;
  const { foldQuantization, showNames } = state;
  return {
    scope,
    selected:
      selected === undefined || table === undefined
        ? undefined
        : { row: selected, name: table.name[selected]! },
    inspectorOpen,
    inspectorWidth,
    tableOpen: valueTable.open,
    tableHeight: valueTable.height,
    bind,
    foldQuantization,
    showNames,
    ...beside,
  };
}

/** Reads kept state; anything that does not look like it is ignored. */
export function readKept(value: unknown): KeptState | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const kept = value as Partial<KeptState>;
  const { camera, selected } = kept;
  const numbers = camera !== undefined && [camera.x, camera.y, camera.scale].every(Number.isFinite);
  return {
    scope: typeof kept.scope === 'string' ? kept.scope : '',
    camera: numbers ? camera : undefined,
    selected: selected !== undefined && Number.isInteger(selected.row) ? selected : undefined,
    inspectorOpen: kept.inspectorOpen !== false,
    inspectorWidth: typeof kept.inspectorWidth === 'number' ? kept.inspectorWidth : 320,
    opening: readOpeningPaths(kept.opening),
    overlay: typeof kept.overlay === 'string' ? kept.overlay : undefined,
    tableOpen: kept.tableOpen === true,
    foldQuantization: kept.foldQuantization !== false,
    showNames: kept.showNames === true,
    calls: Array.isArray(kept.calls) ? kept.calls.filter((path) => typeof path === 'string') : [],
    tableHeight: typeof kept.tableHeight === 'number' ? kept.tableHeight : 220,
    bind: readBind(kept.bind),
  };
}

/** What of a record is a value of a dimension. */
function readBind(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, number] => Number.isSafeInteger(entry[1]) && Number(entry[1]) >= 1,
    ),
  );
}
