// What is drawn of a graph at the moment: a box for each visible operator, for each closed scope and for each open
// one (which contains others), pills where values enter and leave an open scope, and the edges between them.
// Which scopes are open comes in from outside; positions are the layout's.

import { elide } from '../ui/text';
import { groupEdges, type Lists } from './layoutTypes';
import { GroupKind, NodeKind, readModelTable, type ModelTable } from './modelTable';
import { isClosedCall } from './openCall';

export { GroupKind, NodeKind } from './modelTable';

/** One open scope (or the whole graph) as the layout sees it. */
export interface OpenScope {
  /** Drawn number of its box, -1 for the whole graph. */
  readonly box: number;
  /** Drawn numbers of what lies directly in it. */
  readonly members: Int32Array;
  /** Its edges are edgesFrom … edgesTo-1. */
  readonly edgesFrom: number;
  readonly edgesTo: number;
}

export interface GraphTable {
  readonly model: ModelTable;
  /** Rows of the model, then its scopes, then pills. */
  readonly rows: number;
  readonly name: readonly string[];
  readonly op: readonly string[];
  readonly domain: readonly string[];
  readonly kind: ArrayLike<number>;
  readonly scope: readonly string[];
  /** Bytes of the initializers that a node reads. */
  readonly weights: ArrayLike<number>;
  readonly summary: readonly string[];
  /** Edges that are drawn, at most one for each pair of nodes. Ends are drawn numbers, not rows. */
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly value: readonly string[];
  readonly label: readonly string[];
  /** Row of each drawn node, and drawn number of each row (-1 where folded or hidden). */
  readonly drawn: Int32Array;
  readonly drawnOf: Int32Array;
  /** For a folded constant the row of the node that reads it, for what a closed scope hides that scope's row. */
  readonly foldedInto: Int32Array;
  /** 1 for drawn numbers of open scopes. */
  readonly opened: Uint8Array;
  /** For pills the row whose value they stand for; -1 for all other drawn numbers. */
  readonly pillOf: Int32Array;
  /** Open scopes, inner ones before those around them; the whole graph is the last. */
  readonly scopes: readonly OpenScope[];
  /** Edges into and out of each drawn node. */
  readonly into: Lists;
  readonly out: Lists;
}

/** What is open. */
export interface Opening {
  /** Everything in one plane, without scopes. */
  readonly flat: boolean;
  readonly open: ReadonlySet<number>;
  /** The member that an open repeat shows, as a place among its members; absent for the first. */
  readonly steps: ReadonlyMap<number, number>;
}

export const flat: Opening = { flat: true, open: new Set(), steps: new Map() };

/** Reads the frame of `slipway/graph` and shows all of it in one plane. */
export const readTable = (frame: ArrayBuffer | Uint8Array): GraphTable =>
  viewTable(readModelTable(frame), flat);

/** Members of a repeat in file order. */
export function membersOf(model: ModelTable, group: number): number[] {
  const members: number[] = [];
  model.groupParent.forEach((parent, g) => {
    if (parent === group) members.push(g);
  });
  return members;
}

/** What the daemon calls a scope: the names around it and its own, joined by "/", those of repeats left out. */
export function scopePath({ name, rows, groupParent, groupKind }: ModelTable, group: number): string {
  const names = [name[rows + group]!];
  for (let at = groupParent[group]!; at >= 0; at = groupParent[at]!)
    if (groupKind[at] !== GroupKind.repeat) names.unshift(name[rows + at]!);
  return names.join('/');
}

/** Pills for values that enter one scope; what is beyond shares the last one. */
const mostPills = 24;

const extended = new WeakMap<readonly string[], string[]>();

/** The list with empty texts behind it, at least `length` in all; every view of a model shares them. */
function longer(list: readonly string[], length: number): readonly string[] {
  if (length <= list.length) return list;
  let long = extended.get(list);
  if (long === undefined) extended.set(list, (long = list.slice()));
  while (long.length < length) long.push('');
  return long;
}

/** The view of a model table. Linear in rows and edges. */
export function viewTable(model: ModelTable, { flat: plain, open, steps }: Opening): GraphTable {
  const { rows, groups, groupKind } = model;
  // In one plane there are no scopes but the functions that were opened where they are called.
  // A scope of nothing but folded nodes is none.
  const isHere = (g: number) => groupKind[g] === GroupKind.call || (!plain && model.groupNodes[g]! > 0);
  const hereOf = (g: number) => {
    let at = g;
    while (at >= 0 && !isHere(at)) at = model.groupParent[at]!;
    return at;
  };
  const groupParent = plain ? model.groupParent.map(hereOf) : model.groupParent;
  const groupOf = plain ? model.group.map(hereOf) : model.group;
  // 0 hidden, 1 closed, 2 open; and the visible scope that stands for a hidden one.
  const state = new Uint8Array(groups);
  const standsFor = new Int32Array(groups).fill(-1);
  const shown = new Map<number, number>();
  for (const g of open) {
    if (groupKind[g] !== GroupKind.repeat) continue;
    const members = membersOf(model, g);
    shown.set(g, members[Math.min(members.length - 1, Math.max(0, steps.get(g) ?? 0))]!);
  }
  for (let g = 0; g < groups; g++) {
    if (!isHere(g)) continue;
    const p = groupParent[g]!;
    const visible = p === -1 || (state[p] === 2 && (shown.get(p) ?? g) === g);
    state[g] = !visible ? 0 : open.has(g) ? 2 : 1;
    standsFor[g] = visible ? g : standsFor[p]!;
  }

  const foldedInto = new Int32Array(rows + groups).fill(-1);
  foldedInto.set(model.foldedInto);
  const drawn: number[] = [];
  const drawnOf = new Int32Array(rows + groups).fill(-1);
  // The scope in which each drawn box lies.
  const home: number[] = [];
  const draw = (row: number, at: number) => {
    drawnOf[row] = drawn.length;
    drawn.push(row);
    home.push(at);
  };
  for (let g = 0; g < groups; g++) {
    if (state[g]! > 0) draw(rows + g, groupParent[g]!);
    else if (isHere(g)) foldedInto[rows + g] = rows + standsFor[g]!;
  }
  for (let row = 0; row < rows; row++) {
    if (foldedInto[row] !== -1) continue;
    const g = groupOf[row]!;
    if (g === -1 || state[g] === 2) draw(row, g);
    else foldedInto[row] = rows + standsFor[g]!;
  }

  const depth = new Int32Array(groups);
  for (let g = 0; g < groups; g++) depth[g] = groupParent[g]! < 0 ? 1 : depth[groupParent[g]!]! + 1;
  const depthOf = (g: number) => (g < 0 ? 0 : depth[g]!);
  const perScope = new Map<
    number,
    { source: number[]; target: number[]; edge: number[]; seen: Set<number> }
  >();
  const edgesIn = (scope: number) => {
    let list = perScope.get(scope);
    if (list === undefined) {
      perScope.set(scope, (list = { source: [], target: [], edge: [], seen: new Set() }));
    }
    return list;
  };
  const most = 2 ** 26;
  const connect = (scope: number, source: number, target: number, edge: number) => {
    if (source === target) return;
    const list = edgesIn(scope);
    const key = source * most + target;
    if (list.seen.has(key)) return;
    list.seen.add(key);
    list.source.push(source);
    list.target.push(target);
    list.edge.push(edge);
  };
  const pills = new Map<string, number>();
  const pillCount = new Map<string, number>();
  const pillRow: number[] = [];
  const pillKind: number[] = [];
  const pillNames: string[] = [];
  const pill = (scope: number, kind: 4 | 5, edge: number): number => {
    const row = model.source[edge]!;
    const side = `${scope} ${kind}`;
    const used = pillCount.get(side) ?? 0;
    let key = `${side} ${row}`;
    if (!pills.has(key) && used >= mostPills) key = `${side} more`;
    let n = pills.get(key);
    if (n === undefined) {
      pillCount.set(side, used + 1);
      n = drawn.length;
      pills.set(key, n);
      drawn.push(rows + groups + pillRow.length);
      home.push(scope);
      pillRow.push(row);
      pillKind.push(kind);
      pillNames.push(key.endsWith('more') ? 'other values' : model.value[edge]!);
    }
    return n;
  };
  const boxOfGroup = (row: number): number => {
    const g = row - rows;
    return drawnOf[row] !== -1 || standsFor[g] === -1 ? drawnOf[row]! : drawnOf[rows + standsFor[g]!]!;
  };
  // The box that stands for each row. What is folded into a row comes before it.
  const boxOf = new Int32Array(rows);
  for (let row = rows - 1; row >= 0; row--) {
    const into = foldedInto[row]!;
    boxOf[row] = into === -1 ? drawnOf[row]! : into < rows ? boxOf[into]! : boxOfGroup(into);
  }
  const { source: from, target: to } = model;
  for (let e = 0; e < from.length; e++) {
    let s = boxOf[from[e]!]!;
    let t = boxOf[to[e]!]!;
    if (s === t || s < 0 || t < 0) continue;
    let sScope = home[s]!;
    let tScope = home[t]!;
    // Up from both ends to the scope that holds both, through a pill at every border.
    while (sScope !== tScope) {
      if (depthOf(sScope) >= depthOf(tScope)) {
        const container = drawnOf[rows + sScope]!;
        // Another member of a repeat stands in its own container: there the value leaves as well.
        connect(sScope, s, pill(sScope, NodeKind.exit, e), e);
        s = container;
        sScope = groupParent[sScope]!;
      } else {
        connect(tScope, pill(tScope, NodeKind.entry, e), t, e);
        t = drawnOf[rows + tScope]!;
        tScope = groupParent[tScope]!;
      }
    }
    connect(sScope, s, t, e);
  }

  const members = new Map<number, number[]>([[-1, []]]);
  home.forEach((scope, n) => {
    const list = members.get(scope);
    if (list === undefined) members.set(scope, [n]);
    else list.push(n);
  });
  const source: number[] = [];
  const target: number[] = [];
  const edge: number[] = [];
  const scopes: OpenScope[] = [];
  const inward: number[] = [];
  for (let g = groups - 1; g >= 0; g--) if (state[g] === 2) inward.push(g);
  for (const g of [...inward, -1]) {
    const edgesFrom = edge.length;
    const list = perScope.get(g);
    if (list !== undefined) {
      for (let i = 0; i < list.edge.length; i++) {
        source.push(list.source[i]!);
        target.push(list.target[i]!);
        edge.push(list.edge[i]!);
      }
    }
    scopes.push({
      box: g < 0 ? -1 : drawnOf[rows + g]!,
      members: Int32Array.from(members.get(g) ?? []),
      edgesFrom,
      edgesTo: edge.length,
    });
  }
  const sources = Int32Array.from(source);
  const targets = Int32Array.from(target);
  const kind = new Uint8Array(rows + groups + pillRow.length);
  kind.set(model.kind);
  kind.set(pillKind, rows + groups);
  const all = rows + groups + pillRow.length;
  const opened = new Uint8Array(drawn.length);
  for (const g of inward) opened[drawnOf[rows + g]!] = 1;
  const pillOf = new Int32Array(drawn.length).fill(-1);
  const allDrawnOf = new Int32Array(all).fill(-1);
  allDrawnOf.set(drawnOf);
  const allFolded = new Int32Array(all).fill(-1);
  allFolded.set(foldedInto);
  const weights = new Float64Array(all);
  weights.set(model.weights);
  drawn.forEach((row, n) => {
    if (row < rows + groups) return;
    allDrawnOf[row] = n;
    pillOf[n] = pillRow[row - rows - groups]!;
  });
  return {
    model,
    rows: all,
    name: pillRow.length === 0 ? model.name : model.name.concat(pillNames),
    op: longer(model.op, all),
    domain: longer(model.domain, all),
    kind,
    scope: longer(model.scope, all),
    weights,
    summary: longer(model.summary, all),
    source: sources,
    target: targets,
    value: edge.map((e) => model.value[e]!),
    label: edge.map((e) => model.label[e]!),
    drawn: Int32Array.from(drawn),
    drawnOf: allDrawnOf,
    foldedInto: allFolded,
    opened,
    pillOf,
    scopes,
    into: groupEdges(drawn.length, targets, () => true),
    out: groupEdges(drawn.length, sources, () => true),
  };
}

/** The row that is drawn for a row: itself, what it is folded into, or the closed scope that hides it. */
export function shownRow(table: GraphTable, row: number): number {
  let shown = row;
  while (table.foldedInto[shown] !== undefined && table.foldedInto[shown] !== -1)
    shown = table.foldedInto[shown]!;
  return shown;
}

/** Scope number of a row that is a scope, else -1. */
export function scopeOfRow(model: ModelTable, row: number): number {
  return row >= model.rows && row < model.rows + model.groups ? row - model.rows : -1;
}

/** Whether a box is a scope, or a call whose function can be opened like one. */
export function opens({ model }: GraphTable, row: number): boolean {
  return scopeOfRow(model, row) >= 0 || isClosedCall(model, row);
}

/** What a scope is called: "layers ×32" for a repeat. */
export function scopeTitle(model: ModelTable, group: number): string {
  const name = elide(model.name[model.rows + group]!, 32);
  return model.groupKind[group] === GroupKind.repeat ? `${name} ×${model.groupChildren[group]!}` : name;
}

/** What is open when a model is first shown: everything in one plane when it is small, else the first levels. */
export function firstOpening(model: ModelTable): Opening {
  let visible = 0;
  for (let row = 0; row < model.rows; row++) if (model.foldedInto[row] === -1) visible += 1;
  const isNamed = model.groupKind.includes(GroupKind.scope);
  if (model.groups === 0 || visible <= (isNamed ? mostNamedInPlane : mostInPlane)) return flat;
  return toDepth(model, Infinity, mostAtFirst);
}

/** Graphs up to this many boxes are shown without scopes at first; scopes that the program names are worth more. */
const mostInPlane = 400;
const mostNamedInPlane = 120;
const mostAtFirst = 160;

/** Scopes opened level by level, `levels` deep, as long as no more than `most` boxes come of it. */
export function toDepth(model: ModelTable, levels: number, most: number): Opening {
  const { groups, groupParent, groupKind } = model;
  const direct = new Int32Array(groups);
  let visible = 0;
  for (let row = 0; row < model.rows; row++) {
    if (model.foldedInto[row] !== -1) continue;
    if (model.group[row]! >= 0) direct[model.group[row]!]!++;
    else visible += 1;
  }
  const inside: number[][] = Array.from({ length: groups }, () => []);
  let level: number[] = [];
  groupParent.forEach((parent, g) => (parent < 0 ? level.push(g) : inside[parent]!.push(g)));
  visible += level.length;
  const open = new Set<number>();
  for (let depth = 0; depth < levels && level.length > 0; depth++) {
    const next: number[] = [];
    for (const g of level) {
      const children = groupKind[g] === GroupKind.repeat ? inside[g]!.slice(0, 1) : inside[g]!;
      const added = direct[g]! + children.length;
      if (visible + added > most) continue;
      open.add(g);
      visible += added;
      next.push(...children);
    }
    level = next;
  }
  return { flat: false, open, steps: new Map() };
}

/** `opening` with everything open that a row needs to be seen. */
export function openTo(model: ModelTable, opening: Opening, row: number): Opening {
  let at = row;
  while (at < model.rows && model.foldedInto[at] !== -1) at = model.foldedInto[at]!;
  const open = new Set(opening.open);
  const steps = new Map(opening.steps);
  let inner = scopeOfRow(model, at);
  for (let g = inner >= 0 ? model.groupParent[inner]! : model.group[at]!; g >= 0; g = model.groupParent[g]!) {
    open.add(g);
    if (model.groupKind[g] === GroupKind.repeat) steps.set(g, membersOf(model, g).indexOf(inner));
    inner = g;
  }
  return { flat: opening.flat, open, steps };
}
