// The dependency graph of a model (Fang et al., DepGraph, 2023, on ONNX): which slices go together, which of them
// may be removed, and why the others may not. Pure; nothing is cut here.

import { inferShapes, type ShapeInfo } from '../../../analysis/shapes';
import { smallValues } from '../../../analysis/smallTensors';
import { breathe, type Task } from '../../../base/task';
import { dataTypeBits } from '../../../ir/dataType';
import { bodiesOf, capturedValues, indexGraph } from '../../../ir/graphIndex';
import type { Model, Node } from '../../../ir/model';
import type { Tensor } from '../../../ir/tensor';
import { nameOf } from '../../quantize/outcome';
import { constantTensors, isStandard, standardOpset } from '../../rewrite';
import { RuleContext, type Edit, type Rule, type RuleFacts } from './context';
import { Elements, type AxisRef } from './elements';
import { elementwiseRules } from './ruleElementwise';
import { layerRules } from './ruleLayers';
import { layoutRules } from './ruleLayout';
import { reshapeRules } from './ruleReshape';

const rules: Readonly<Record<string, Rule>> = {
  ...layerRules,
  ...elementwiseRules,
  ...layoutRules,
  ...reshapeRules,
};

/** Slices that can only go together: removing them is removing one channel, one head, … */
export interface Component {
  /** Elements in `Structure.elements`. */
  readonly members: readonly number[];
}

/** Components that appear on the same axes: the channels of one width. */
export interface Unit {
  /** The layer that makes them. */
  readonly name: string;
  readonly axes: readonly AxisRef[];
  readonly components: readonly Component[];
  /** Elements of one component on the weight's axis where it has fewest: 64 for a head of 64. */
  readonly size: number;
  /** Outputs of the layer that go with one component. */
  readonly outputs: number;
  /** Layers that are cut with it. */
  readonly layers: readonly string[];
}

/** Output channels of a layer that have to stay, and why. */
export interface LockedLayer {
  readonly name: string;
  readonly width: number;
  readonly reason: string;
}

export interface Structure {
  readonly model: Model;
  readonly elements: Elements;
  readonly units: readonly Unit[];
  readonly locked: readonly LockedLayer[];
  /** Corrections by node. */
  readonly edits: ReadonlyMap<Node, readonly Edit[]>;
  readonly shapes: ShapeInfo;
  /** Of small constants that lie in a file. */
  readonly numbers: Numbers;
}

/** Numbers of small tensors, read beforehand where they lie in a file. */
export type Numbers = ReadonlyMap<Tensor, readonly number[]>;

/**
 * Analyses a model whose constants are initializers. `numbers` holds the small ones that are not in memory.
 */
export async function analyseChannels(model: Model, numbers: Numbers, task: Task): Promise<Structure> {
  const { graph } = model;
  const shapes = inferShapes(model, { constants: (tensor) => numbers.get(tensor) });
  const constants = constantTensors(graph);
  const index = indexGraph(graph);
  const elements = new Elements();
  const dims = (value: string) => shapes.types.get(value)?.dims ?? null;
  const facts: RuleFacts = {
    opset: standardOpset(model),
    dims,
    numbers: (value) => {
      const tensor = constants.get(value);
      return tensor && (smallValues(tensor) ?? numbers.get(tensor));
    },
    isConstant: (value) => constants.has(value),
    consumers: (value) => index.consumers.get(value) ?? [],
  };
  for (const { name } of [...graph.inputs, ...graph.initializers]) elements.add(name, dims(name));
  for (const node of graph.nodes)
    for (const name of node.outputs) if (name !== '') elements.add(name, dims(name));

  const lockValue = (value: string, why: string) => {
    for (const axis of elements.of(value)) if (axis) elements.lock(axis, why);
  };
  for (const { name } of graph.inputs) lockValue(name, `"${name}" is an input of the model`);
  for (const { name } of graph.outputs) lockValue(name, `"${name}" is an output of the model`);
  for (const tensor of graph.initializers) {
    const bits = dataTypeBits(tensor.dataType);
    if (bits === undefined || bits % 8 !== 0)
      lockValue(tensor.name, `the weight "${tensor.name}" is packed in less than a byte a number`);
  }
  for (const { values } of graph.sparseInitializers)
    lockValue(values.name, `the weight "${values.name}" is stored sparsely`);

  const edits = new Map<Node, readonly Edit[]>();
  for (const position of shapes.order) {
    const node = shapes.nodes[position]!;
    await breathe(task);
    applyRule(node, facts, elements, edits);
  }
  return { model, elements, edits, shapes, numbers, ...(await unitsOf(model, elements, constants, task)) };
}

function applyRule(
  node: Node,
  facts: RuleFacts,
  elements: Elements,
  edits: Map<Node, readonly Edit[]>,
): void {
  const where = `"${nameOf(node)}" (${node.opType})`;
  const bodies = bodiesOf(node);
  const rule = isStandard(node) && bodies.length === 0 ? rules[node.opType] : undefined;
  const context = new RuleContext(node, facts, elements);
  rule?.(context);
  // The output first: what is unknown there is what the layer's own channels would be.
  const unknown = [...node.outputs, ...node.inputs].find((value) => value !== '' && !facts.dims(value));
  const why = rule
    ? unknown === undefined
      ? `${where} needs this axis whole`
      : `the shape of "${unknown}" at ${where} is not known`
    : bodies.length > 0
      ? `${where} reads it in a body of its own`
      : `there is no rule for the operator of ${where}`;
  const values = new Set([
    ...node.inputs,
    ...node.outputs,
    ...bodies.flatMap((body) => [...capturedValues(body)]),
  ]);
  for (const value of values) {
    for (const axis of elements.of(value)) if (axis && !context.isMentioned(axis)) elements.lock(axis, why);
  }
  if (context.edits.length > 0) edits.set(node, context.edits);
}

const producers = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** Index of the weight's axis that makes the layer's output. */
export function outputAxis(node: Node): number {
  if (node.opType === 'Conv') return 0;
  if (node.opType === 'MatMul') return -1;
  if (node.opType === 'ConvTranspose') return 1;
  const transB = node.attributes.find(({ name }) => name === 'transB');
  return transB?.type === 'INT' && transB.value !== 0n ? 0 : 1;
}

async function unitsOf(
  model: Model,
  elements: Elements,
  constants: ReadonlyMap<string, Tensor>,
  task: Task,
): Promise<{ units: Unit[]; locked: LockedLayer[] }> {
  const madeAtLoad = new Set(
    model.graph.nodes.flatMap(({ opType, outputs }) => (opType === 'ConstantOfShape' ? outputs : [])),
  );
  const isWeight = (value: string) => constants.has(value) || madeAtLoad.has(value);
  const members = new Map<number, number[]>();
  for (let element = 0; element < elements.count; element += 1) {
    if (element % 1024 === 0) await breathe(task);
    if (elements.reason(element) !== undefined) continue;
    const root = elements.root(element);
    const list = members.get(root);
    if (list) list.push(element);
    else members.set(root, [element]);
  }
  const layers = new Map<string, string[]>();
  const firstLayer = new Map<AxisRef, string>();
  const locked: LockedLayer[] = [];
  for (const node of model.graph.nodes) {
    if (!producers.has(node.opType)) continue;
    for (const value of node.inputs) layers.set(value, [...(layers.get(value) ?? []), nameOf(node)]);
    const weight = node.inputs[1] ?? '';
    const rank = elements.of(weight).length;
    const axis = elements.axis(weight, (outputAxis(node) + rank) % Math.max(1, rank));
    if (!axis || !isWeight(weight)) continue;
    if (!firstLayer.has(axis)) firstLayer.set(axis, nameOf(node));
    const reason = elements.reason(axis.base);
    if (reason !== undefined) locked.push({ name: nameOf(node), width: axis.length, reason });
  }
  const bySignature = new Map<string, { axes: AxisRef[]; components: Component[]; size: number }>();
  for (const list of members.values()) {
    await breathe(task);
    const counts = new Map<AxisRef, number>();
    for (const element of list) {
      const axis = elements.axisOf(element);
      counts.set(axis, (counts.get(axis) ?? 0) + 1);
    }
    const axes = [...counts.keys()];
    if (!axes.some((axis) => isWeight(axis.value))) continue;
    const key = [...counts].map(([axis, count]) => `${axis.base}:${count}`).join(' ');
    const unit = bySignature.get(key);
    const inWeights = [...counts].flatMap(([axis, count]) => (isWeight(axis.value) ? [count] : []));
    if (unit) unit.components.push({ members: list });
    else bySignature.set(key, { axes, components: [{ members: list }], size: Math.min(...inWeights) });
  }
  const units = [...bySignature.values()]
    .filter(({ components, axes }) => components.length > 1 && axes.some((axis) => firstLayer.has(axis)))
    .map(({ axes, components, size }): Unit => {
      const made = axes.find((axis) => firstLayer.has(axis))!;
      const outputs = components[0]!.members.filter((element) => elements.axisOf(element) === made).length;
      return {
        name: firstLayer.get(made)!,
        axes,
        components,
        size,
        outputs,
        layers: [...new Set(axes.flatMap(({ value }) => layers.get(value) ?? []))],
      };
    });
  return { units, locked };
}
