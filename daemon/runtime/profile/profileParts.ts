// Sums a profile's nodes by operator, provider and scope, finds the nodes of the user's model that they stand
// for, and says which nodes fell back from the device that was asked for. Pure.

import { nodeScope } from '../../analysis/scopes/nodeScope';
import { node as bareNode } from '../../ir/builder';
import type { Graph, Node } from '../../ir/model';
import { deviceTitles, providerOf } from '../deviceErrors';
import { nodesByProvider, type ProfiledNode } from './profileEvents';
import type { DeviceName } from '../runner/session';

export interface PlacementNode extends ProfiledNode {
  /** Part of the time of all nodes, 0 to 1. */
  share: number;
  /** Name of the node in the model file that it stands for; null where no name tells. */
  source: string | null;
  /** Path of the module that it belongs to, `layers/0/attention`; empty when nothing tells. */
  scope: string;
}

/** Nodes that have something in common. */
export interface ProfilePart {
  name: string;
  nodes: number;
  meanUs: number;
  share: number;
}

/** Nodes that ran elsewhere than asked. */
export interface Fallback {
  /** Part of the nodes that the device asked for did not run, 0 to 1. */
  nodeShare: number;
  /** Part of the time spent in them. */
  timeShare: number;
  /** Their names, the slowest first, at most 50. */
  nodes: string[];
}

export interface ProfileParts {
  byOp: ProfilePart[];
  byProvider: ProfilePart[];
  /** Every scope with all it contains, `layers/0` before `layers/0/attention`; shares overlap. */
  byScope: ProfilePart[];
  /** Null when every node ran where asked. */
  fallback: Fallback | null;
}

/** All parts of the nodes of one profile; `given` is the main graph of the model file. */
export function partsOf(
  profiled: readonly ProfiledNode[],
  given: Graph | undefined,
  device: DeviceName,
): ProfileParts & { nodes: PlacementNode[]; warnings: string[] } {
  const total = profiled.reduce((sum, node) => sum + node.meanUs, 0);
  const shareOf = (us: number) => (total > 0 ? us / total : 0);
  const find = sourceFinder(given);
  const sources = profiled.map((node) => find(node.name));
  const nodes = profiled.map((node, i): PlacementNode => {
    const source = sources[i];
    const name = source === undefined || source.name === '' ? null : source.name;
    return { ...node, share: shareOf(node.meanUs), source: name, scope: scopeOf(node, source) };
  });
  const group = (keys: (node: PlacementNode) => readonly string[]): ProfilePart[] => {
    const parts = new Map<string, ProfilePart>();
    for (const node of nodes) {
      for (const name of keys(node)) {
        const part = parts.get(name) ?? { name, nodes: 0, meanUs: 0, share: 0 };
        part.nodes += 1;
        part.meanUs += node.meanUs;
        part.share = shareOf(part.meanUs);
        parts.set(name, part);
      }
    }
    return [...parts.values()];
  };
  const slowestFirst = (a: ProfilePart, b: ProfilePart) => b.meanUs - a.meanUs;
  const fallback = fallbackOf(nodes, device);
  return {
    nodes,
    byOp: group(({ op }) => [op]).sort(slowestFirst),
    byProvider: group(({ provider }) => [provider]).sort(slowestFirst),
    byScope: group(scopesAround).sort((a, b) => (a.name < b.name ? -1 : 1)),
    fallback,
    warnings: fallback ? [fallbackSentence(nodes, device, fallback)] : [],
  };
}

const scopeOf = (node: ProfiledNode, source: Node | undefined): string =>
  nodeScope(source ?? bareNode(node.op, [], [], { name: node.name }));

/** The scopes around a node, outermost first. */
function scopesAround({ scope }: PlacementNode): string[] {
  const parts = scope.split('/').filter(Boolean);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** What ONNX Runtime adds to names when it fuses, converts layouts, or splits. */
const addedEnd =
  /(?:_nchwc|_nhwc|_token_\d+|_quant|_FusedMatMulAndScale|_MatMulIntegerToFloat|_kernel_time|\/(?:MatMul|Gemm|Conv)?(?:Bn|Mul|Add|Relu)?Fusion(?:\w*)?)$/;

/** Finds a node of the file by the name of its optimised form: its own name, or that of a value it gives. */
function sourceFinder(given: Graph | undefined): (name: string) => Node | undefined {
  const byName = new Map<string, Node>();
  const byOutput = new Map<string, Node>();
  for (const node of given?.nodes ?? []) {
    if (node.name !== '') byName.set(node.name, node);
    for (const output of node.outputs) if (output !== '') byOutput.set(output, node);
  }
  return (optimised) => {
    for (let name = optimised.replace(/^fused /, ''); ; name = name.replace(addedEnd, '')) {
      const found = byName.get(name) ?? byOutput.get(name);
      if (found || !addedEnd.test(name)) return found;
    }
  };
}

function fallbackOf(nodes: readonly PlacementNode[], device: DeviceName): Fallback | null {
  const elsewhere = nodes
    .filter(({ provider }) => provider !== providerOf[device])
    .sort((a, b) => b.meanUs - a.meanUs);
  if (elsewhere.length === 0) return null;
  return {
    nodeShare: elsewhere.length / nodes.length,
    timeShare: elsewhere.reduce((sum, { share }) => sum + share, 0),
    nodes: elsewhere.slice(0, 50).map(({ name }) => name),
  };
}

const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

function fallbackSentence(nodes: readonly PlacementNode[], device: DeviceName, fallback: Fallback): string {
  const others = Object.keys(nodesByProvider(nodes)).filter((provider) => provider !== providerOf[device]);
  const asked = `${deviceTitles[device]} (${device})`;
  return fallback.nodeShare === 1
    ? `${asked} ran no node: all ${nodes.length} fell back to ${others.join(', ')}.`
    : `${percent(fallback.nodeShare)} of the nodes (${percent(fallback.timeShare)} of the time) did not run on ${asked} but fell back to ${others.join(', ')}.`;
}
