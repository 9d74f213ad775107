// The tree of scopes over the nodes of one graph, which is what lets a picture of any size be opened piece by piece:
// from the program's own scopes (nodeScope.ts), the names of values and weights, else from blocks that repeat, else
// from chunks in file order. Equal neighbours ("layers.0", "layers.1", …) are put into one repeat.

import { eachInSteps, type Steps } from '../../base/task';
import type { Node } from '../../ir/model';
import { mineBlocks } from './mineBlocks';
import { hashScopes } from './scopeHash';

export const GroupKind = { scope: 0, repeat: 1, chunk: 2 } as const;

/** Groups come after the group that holds them. */
export interface ScopeTree {
  readonly name: string[];
  /** Group around each group, -1 for none. */
  readonly parent: Int32Array;
  /** GroupKind of each group. */
  readonly kind: Uint8Array;
  /** Class of the module behind a group, or empty. */
  readonly className: string[];
  /** Groups of equal structure have equal numbers. */
  readonly same: Int32Array;
  /** Innermost group of each node, -1 for none. */
  readonly of: Int32Array;
}

interface Group {
  name: string;
  kind: number;
  className: string;
  children: Map<string, Group>;
  nodes: number[];
  /** Its first node in file order. */
  first: number;
  parent: Group | undefined;
  id: number;
}

const deepest = 32;
/** Nodes directly in one group, above which they are cut into chunks. */
const mostDirect = 300;
/** Equal neighbours that make a repeat. */
const fewestRepeats = 3;

const newGroup = (name: string, parent: Group | undefined, kind = 0): Group => ({
  name,
  kind,
  className: '',
  children: new Map(),
  nodes: [],
  first: Infinity,
  parent,
  id: -1,
});

/**
 * The scope tree, in steps. `scopes` is the path of each node ("" where nothing tells), `isWeight` says of a value whether it
 * is an initializer; edges join node numbers, others are ignored.
 */
export function* scopeTree(
  nodes: readonly Node[],
  scopes: readonly string[],
  isWeight: (name: string) => boolean,
  source: ArrayLike<number>,
  target: ArrayLike<number>,
): Steps<ScopeTree> {
  const root = newGroup('', undefined);
  const paths = yield* fillGaps(nodes, scopes, isWeight);
  if (paths === undefined) yield* mineInto(root, nodes, source, target);
  else {
    // Few paths for many nodes.
    const known = new Map<string, Group>();
    yield* eachInSteps(nodes, (node, index) => {
      const path = paths[index]!;
      let group = known.get(path);
      if (group === undefined) known.set(path, (group = groupAt(root, path)));
      group.nodes.push(index);
      if (group.className === '') group.className = classOf(node);
    });
  }
  dissolveSmall(root);
  yield;
  chunk(root, constantReaders(nodes, source, target));
  joinChains(root);
  yield;
  const groups = number(root, nodes.length);
  const hashes = yield* hashScopes(nodes, groups, source, target);
  foldRepeats(root, hashes);
  liftRepeats(root);
  yield;
  return columns(root, nodes.length, hashes);
}

/** The group of a path, made where it is not there yet. */
function groupAt(root: Group, path: string): Group {
  let group = root;
  for (const part of path.split('/', deepest)) {
    if (part === '') continue;
    let next = group.children.get(part);
    if (next === undefined) group.children.set(part, (next = newGroup(part, group)));
    group = next;
  }
  return group;
}

/** Paths with the gaps filled, or undefined when too few nodes have one. */
function* fillGaps(
  nodes: readonly Node[],
  scopes: readonly string[],
  isWeight: (name: string) => boolean,
): Steps<readonly string[] | undefined> {
  const paths: string[] = [];
  let [known, all] = [0, 0];
  yield* eachInSteps(nodes, (node, index) => {
    const scope = scopes[index]!;
    const path = scope === '' ? scopeFromValues(node, isWeight) : scope;
    paths.push(path);
    // Names of constants alone tell nothing: they are drawn in their readers.
    if (isConstant(node)) return;
    all += 1;
    if (path !== '') known += 1;
  });
  if (known < 0.3 * all) return undefined;
  if (scopes.some((scope) => scope !== '')) return paths;
  // Names of weights tell of some nodes only: the ones between two of one module belong to it as well.
  const next = new Array<string>(paths.length);
  for (let i = paths.length - 1, after = ''; i >= 0; i--) {
    if (paths[i] !== '') after = paths[i]!;
    next[i] = after;
  }
  yield;
  let before = '';
  const filled: string[] = [];
  yield* eachInSteps(paths, (path, i) => {
    if (path !== '') before = path;
    filled.push(path === '' ? commonPath(before, next[i]!) : path);
  });
  return filled;
}

const isConstant = ({ opType }: Node) => opType === 'Constant' || opType === 'ConstantOfShape';

function commonPath(a: string, b: string): string {
  const [left, right] = [a.split('/'), b.split('/')];
  let same = 0;
  while (same < left.length && left[same] === right[same]) same += 1;
  return left.slice(0, same).join('/');
}

/** "/layers.0/attn/MatMul_output_0" and "model.layers.0.attn.weight" tell where their node belongs. */
function scopeFromValues(node: Node, isWeight: (name: string) => boolean): string {
  const output = node.outputs[0] ?? '';
  const slash = output.lastIndexOf('/');
  if (slash > 0 && output.length < 400) return output.slice(output.startsWith('/') ? 1 : 0, slash);
  for (const input of node.inputs) {
    if (input.length > 400 || !input.includes('.') || !isWeight(input)) continue;
    const parts = input.split('.');
    parts.pop();
    return parts.join('/');
  }
  return '';
}

/** Class of the module that a node stands in, as exporters write it. */
function classOf(node: Node): string {
  for (const { key, value } of node.metadataProps) {
    if (key === 'pkg.torch.onnx.class_hierarchy') {
      const parts = [...value.slice(0, 8192).matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');
      return (parts.at(-2) ?? '').split('.').at(-1) ?? '';
    }
    if (key === 'namespace') {
      const part = value.slice(0, 8192).split('/').at(-2) ?? '';
      return (part.split(': ')[1] ?? '').split('.').at(-1) ?? '';
    }
  }
  return '';
}

function* mineInto(
  root: Group,
  nodes: readonly Node[],
  source: ArrayLike<number>,
  target: ArrayLike<number>,
): Steps<void> {
  const ids = new Map<string, number>();
  const tokens = Int32Array.from(nodes, ({ opType }) => {
    let id = ids.get(opType);
    if (id === undefined) ids.set(opType, (id = ids.size));
    return id;
  });
  const blocks = nodes.length > mostDirect ? yield* mineBlocks(tokens, source, target) : undefined;
  yield* eachInSteps(nodes, (_, index) => {
    const at = blocks === undefined ? -1 : Math.floor((index - blocks.start) / blocks.period);
    if (blocks === undefined || at < 0 || at >= blocks.count) root.nodes.push(index);
    else {
      const name = `block ${at}`;
      let group = root.children.get(name);
      if (group === undefined) root.children.set(name, (group = newGroup(name, root, GroupKind.chunk)));
      group.nodes.push(index);
    }
  });
}

/** A scope around a single node says nothing that the node does not: the node goes to the scope around it. */
function dissolveSmall(group: Group): void {
  const before = group.nodes.length;
  for (const [key, child] of group.children) {
    dissolveSmall(child);
    if (child.kind !== GroupKind.scope || child.children.size > 0 || child.nodes.length > 1) continue;
    group.children.delete(key);
    group.nodes.push(...child.nodes);
  }
  if (group.nodes.length > before) group.nodes.sort((a, b) => a - b);
}

/** The first reader of each constant node, which is drawn in it; -1 where nothing reads it. */
function constantReaders(
  nodes: readonly Node[],
  source: ArrayLike<number>,
  target: ArrayLike<number>,
): ReadonlyMap<number, number> {
  const readers = new Map<number, number>();
  nodes.forEach((node, index) => {
    if (isConstant(node)) readers.set(index, -1);
  });
  for (let e = 0; e < source.length; e++) {
    const [from, to] = [source[e]!, target[e]!];
    if (to >= nodes.length || !readers.has(from)) continue;
    const known = readers.get(from)!;
    if (known < 0 || to < known) readers.set(from, to);
  }
  return readers;
}

/**
 * Cuts the nodes directly in a group into chunks in file order where they are too many to look at. Constants do not count,
 * as they are drawn in their readers: they go where these are.
 */
function chunk(group: Group, constants: ReadonlyMap<number, number>): void {
  for (const child of group.children.values()) chunk(child, constants);
  const shown = group.nodes.filter((node) => !constants.has(node));
  if (shown.length <= mostDirect) return;
  const parts = Math.ceil(shown.length / (mostDirect * 0.8));
  const size = Math.ceil(shown.length / parts);
  // Very many chunks are themselves put into chunks.
  const perOuter = parts > mostDirect ? Math.ceil(Math.sqrt(parts)) : parts;
  let outer = group;
  const made: Group[] = [];
  for (let part = 0; part < parts; part++) {
    if (parts > mostDirect && part % perOuter === 0) {
      const name = `section ${part / perOuter + 1}`;
      group.children.set(`\0${name}`, (outer = newGroup(name, group, GroupKind.chunk)));
    }
    const name = `part ${part + 1}`;
    const each = newGroup(name, outer, GroupKind.chunk);
    each.nodes = shown.slice(part * size, (part + 1) * size);
    outer.children.set(`\0${name}`, each);
    made.push(each);
  }
  const partOf = new Map(made.flatMap((each) => each.nodes.map((node) => [node, each] as const)));
  for (const node of group.nodes) {
    if (!constants.has(node)) continue;
    let reader = constants.get(node)!;
    // Readers of constants that are constants themselves come later in the file; where they do not, it may be a cycle.
    for (let at = node; constants.has(reader) && reader > at;) {
      at = reader;
      reader = constants.get(at)!;
    }
    (partOf.get(reader) ?? made[0]!).nodes.push(node);
  }
  for (const each of made) each.nodes.sort((a, b) => a - b);
  group.nodes = [];
}

/** A group that holds nothing but one other group is one step too many. */
function joinChains(group: Group): void {
  for (const [key, child] of group.children) {
    let only = child;
    while (only.nodes.length === 0 && only.children.size === 1) {
      const inner: Group = [...only.children.values()][0]!;
      inner.name = `${only.name}/${inner.name}`;
      inner.parent = group;
      only = inner;
    }
    group.children.set(key, only);
    joinChains(only);
  }
}

/** Numbers the groups from the outside in, in file order, and returns the innermost group of each node. */
function number(root: Group, count: number): { of: Int32Array; list: Group[] } {
  const of = new Int32Array(count).fill(-1);
  const first = (group: Group): number => {
    group.first = group.nodes[0] ?? Infinity;
    for (const child of group.children.values()) group.first = Math.min(group.first, first(child));
    return group.first;
  };
  first(root);
  const list: Group[] = [];
  const walk = (group: Group) => {
    for (const child of [...group.children.values()].sort((a, b) => a.first - b.first)) {
      child.id = list.length;
      list.push(child);
      for (const node of child.nodes) of[node] = child.id;
      walk(child);
    }
  };
  walk(root);
  return { of, list };
}

/** Puts runs of equal neighbours, numbered one after the other, into one group. */
function foldRepeats(group: Group, hashes: readonly number[]): void {
  const keys = new Map([...group.children].map(([key, child]) => [child, key]));
  const children = [...keys.keys()];
  for (const child of children) foldRepeats(child, hashes);
  let run: Group[] = [];
  const close = () => {
    if (run.length >= fewestRepeats) {
      const { prefix } = numbered(run[0]!.name)!;
      const name = prefix.replace(/[._/\- ]+$/, '');
      const repeat = newGroup(name === '' ? group.name : name, group, GroupKind.repeat);
      repeat.first = run[0]!.first;
      repeat.className = run[0]!.className;
      for (const member of run) {
        group.children.delete(keys.get(member)!);
        member.parent = repeat;
        repeat.children.set(member.name, member);
      }
      group.children.set(`\0repeat ${run[0]!.name}`, repeat);
    }
    run = [];
  };
  // In the order of their numbers: "layers.10" comes after "layers.9", whatever the file says.
  const candidates = children.flatMap((child) => {
    const parts = numbered(child.name);
    return parts === undefined ? [] : [{ child, ...parts }];
  });
  candidates.sort((a, b) => (a.prefix < b.prefix ? -1 : a.prefix > b.prefix ? 1 : a.at - b.at));
  let previous: (typeof candidates)[number] | undefined;
  for (const candidate of candidates) {
    const follows =
      previous?.prefix === candidate.prefix &&
      candidate.at === previous.at + 1 &&
      hashes[candidate.child.id] === hashes[previous.child.id];
    if (!follows) close();
    run.push(candidate.child);
    previous = candidate;
  }
  close();
}

/** A scope that holds nothing but one repeat ("layers", with 0, 1, 2, …) is the repeat; its members take the scope's name. */
function liftRepeats(group: Group): void {
  for (const [key, child] of group.children) {
    liftRepeats(child);
    if (child.kind !== GroupKind.scope || child.nodes.length > 0 || child.children.size !== 1) continue;
    const only = [...child.children.values()][0]!;
    if (only.kind !== GroupKind.repeat) continue;
    only.name = only.name === child.name ? only.name : `${child.name}/${only.name}`;
    for (const member of only.children.values()) member.name = `${child.name}/${member.name}`;
    only.parent = group;
    group.children.set(key, only);
  }
}

function numbered(name: string): { prefix: string; at: number } | undefined {
  const match = /^(.*?)(\d{1,6})$/s.exec(name);
  return match === null ? undefined : { prefix: match[1]!, at: Number(match[2]) };
}

function columns(root: Group, count: number, hashes: readonly number[]): ScopeTree {
  const before = new Map<Group, number>();
  const collect = (group: Group) => {
    for (const child of group.children.values()) {
      before.set(child, child.id);
      collect(child);
    }
  };
  collect(root);
  const { of, list } = number(root, count);
  const classes = new Map<number, number>();
  const same = Int32Array.from(list, (group) => {
    const old = before.get(group)!;
    // A repeat is like no other group.
    const hash = old < 0 ? -1 - group.id : hashes[old]!;
    let id = classes.get(hash);
    if (id === undefined) classes.set(hash, (id = classes.size));
    return id;
  });
  return {
    name: list.map(({ name }) => name),
    parent: Int32Array.from(list, ({ parent }) => (parent === undefined || parent === root ? -1 : parent.id)),
    kind: Uint8Array.from(list, ({ kind }) => kind),
    className: list.map(({ className }) => className),
    same,
    of,
  };
}
