// What quantizing answers, what it refuses, and the marks it leaves in the model; shared by static and dynamic.

import type { Diagnostic } from '../../base/diagnostic';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Model, Node } from '../../ir/model';
import type { PassResult } from '../pass';
import { isStandard } from '../rewrite';
import type { LeftNode } from './placement';

/** A heavy node that stays in float, by name. */
export interface Left {
  readonly node: string;
  readonly op: string;
  readonly why: string;
}

export interface QuantizeOutcome extends PassResult {
  /** Names of the nodes that were given integer weights or inputs. */
  readonly quantizedNodes: readonly string[];
  readonly left: readonly Left[];
}

/** A node's name or, where it has none, its first output. */
export const nameOf = (node: Node): string => (node.name === '' ? (node.outputs[0] ?? '') : node.name);

export const leftNode = ({ node, why }: LeftNode): Left => ({ node: nameOf(node), op: node.opType, why });

const integerOperators =
  /^(QuantizeLinear|DequantizeLinear|DynamicQuantize\w*|QLinear\w+|QGemm|QAttention|QOrdered\w+|MatMulInteger\w*|ConvInteger|MatMulNBits|MatMulBnb4|GatherBlockQuantized)$/u;

const findNode = (graph: Graph, wanted: (node: Node) => boolean): Node | undefined => {
  for (const node of graph.nodes) {
    if (wanted(node)) return node;
    for (const body of bodiesOf(node)) {
      const found = findNode(body, wanted);
      if (found) return found;
    }
  }
  return undefined;
};

const integerNode = (model: Model) => findNode(model.graph, (node) => integerOperators.test(node.opType));

/** For methods that find nothing to work on: that the model is quantized already, if so it is, with a space before it. */
export function quantizedHint(model: Model): string {
  const integer = integerNode(model);
  return integer
    ? ` The model is quantized already: it holds ${integer.opType} (node "${nameOf(integer)}"). Take the float model that it was made from.`
    : '';
}

function quantizedAlready(model: Model): string | undefined {
  const integer = integerNode(model);
  return (
    integer &&
    `The model is quantized already: it holds ${integer.opType} (node "${nameOf(integer)}"). Quantize the float model that it was made from.`
  );
}

/** The same of a model as it was read, whose functions and bodies may still be inlined. */
export function earlyRefusal(model: Model, method: string, layers: readonly string[]): string | undefined {
  const nested = model.functions.length > 0 || model.graph.nodes.some((node) => bodiesOf(node).length > 0);
  return nested ? quantizedAlready(model) : refusal(model, method, layers);
}

/**
 * Why the model cannot be quantized at all, or undefined. `layers` are the operators that the method takes, in the main
 * graph: functions must have been inlined.
 */
export function refusal(model: Model, method: string, layers: readonly string[]): string | undefined {
  const already = quantizedAlready(model);
  if (already !== undefined) return already;
  const { nodes } = model.graph;
  const isLayer = (node: Node) => isStandard(node) && layers.includes(node.opType);
  if (nodes.some(isLayer)) return undefined;
  const list = `${layers.slice(0, -1).join(', ')} or ${layers.at(-1) ?? ''}`;
  for (const node of nodes)
    for (const body of bodiesOf(node)) {
      const inside = findNode(body, isLayer);
      if (inside)
        return `There is nothing to quantize: ${inside.opType} "${nameOf(inside)}" lies inside ${node.opType} "${nameOf(node)}", whose bodies stay in float, and outside of it is no ${list}. Export the model without ${node.opType}, or quantize the body as a model of its own.`;
    }
  const otherwise =
    !layers.includes('Conv') && nodes.some((node) => isStandard(node) && node.opType === 'Conv')
      ? ' Its convolutions are taken by static int8.'
      : '';
  return `There is nothing to quantize: the model holds no ${list}, which are what ${method} turns into integers.${otherwise}`;
}

/** The sentence when there are layers and none of them could be taken. */
export function nothingTaken(left: readonly Left[]): string {
  // One node for each reason.
  const reasons = new Map<string, string>();
  for (const { node, op, why } of left) {
    const key = `${op}: ${why}`;
    if (!reasons.has(key)) reasons.set(key, `${op} "${node}": ${why}`);
  }
  return `None of the model's layers could be quantized. ${[...reasons.values()].slice(0, 3).join(' ')}`;
}

/** A note for every node whose bodies stay in float. */
export function bodyNotes(graph: Graph): Diagnostic[] {
  return graph.nodes
    .filter((node) => bodiesOf(node).some((body) => body.nodes.length > 0))
    .map((node) => ({
      id: 'quantize/body',
      severity: 'info',
      message: `The bodies of ${node.opType} stay in float, and so do the values that they read from outside.`,
      where: { node: nameOf(node) },
    }));
}

/** Says in the model itself what was done to it. */
export function markQuantized(model: Model, method: string): void {
  const set = (key: string, value: string) => {
    model.metadataProps = model.metadataProps.filter((entry) => entry.key !== key);
    model.metadataProps.push({ key, value });
  };
  if (model.producerName !== '' && model.producerName !== 'slipway') {
    set('slipway.source_producer', `${model.producerName} ${model.producerVersion}`.trim());
  }
  set('slipway.quantized', `quantized by slipway: ${method}`);
  model.producerName = 'slipway';
  model.producerVersion = '';
}
