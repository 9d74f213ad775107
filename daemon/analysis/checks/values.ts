// Checks of values: everything read is produced somewhere, everything is produced once, nothing lies unused.

import { eachInSteps, type Steps } from '../../base/task';
import type { Graph } from '../../ir/model';
import { elementCount } from '../../ir/tensor';
import type { ScopedGraph } from '../scopes/scopes';
import type { CaptureCache } from '../../ir/graphIndex';
import { namesRead } from '../topology';
import { shapeOfType, shapeText } from '../typeText';
import { called, type Findings, listed, placeOf, placeOfNode, quoted } from './findings';

/** What each graph's names stand for, with the graph around it. */
export interface Names {
  readonly own: ReadonlyMap<string, string>;
  readonly outer: Names | undefined;
}

const isVisible = (names: Names, name: string): boolean => {
  for (let at: Names | undefined = names; at; at = at.outer) if (at.own.has(name)) return true;
  return false;
};

/** Collects the graph's names and reports what is produced twice. */
export function* collectNames(
  { graph, path }: ScopedGraph,
  outer: Names | undefined,
  findings: Findings,
): Steps<Names> {
  const own = new Map<string, string>();
  const inputs = new Set<string>();
  for (const input of graph.inputs) {
    if (inputs.has(input.name)) {
      findings.add(
        'error',
        'graph/duplicate-input',
        `Two inputs are called ${quoted(input.name)}.`,
        placeOf(path, input.name),
      );
    }
    inputs.add(input.name);
    own.set(input.name, 'is an input');
  }
  const constants = [...graph.initializers, ...graph.sparseInitializers.map((sparse) => sparse.values)];
  const seen = new Set<string>();
  yield* eachInSteps(constants, ({ name }) => {
    if (seen.has(name)) {
      findings.add(
        'error',
        'graph/duplicate-initializer',
        `Two initializers are called ${quoted(name)}.`,
        placeOf(path, name),
      );
    }
    seen.add(name);
    // An initializer may share its name with an input: it is that input's default.
    own.set(name, 'is an initializer');
  });
  yield* eachInSteps(graph.nodes, (node, index) => {
    for (const output of node.outputs) {
      if (output === '') continue;
      const first = own.get(output);
      if (first !== undefined) {
        findings.add(
          'error',
          'graph/duplicate-value',
          `${called(node, index)} writes ${quoted(output)}, which ${first} already. A value may be written only once.`,
          placeOfNode(path, node, index, output),
        );
      } else own.set(output, `${called(node, index)} writes`);
    }
  });
  return { own, outer };
}

/** Reports names that are read but produced nowhere. */
export function* checkProducers({ graph, path }: ScopedGraph, names: Names, findings: Findings): Steps<void> {
  yield* eachInSteps(graph.nodes, (node, index) => {
    for (const input of node.inputs) {
      if (input === '' || isVisible(names, input)) continue;
      findings.add(
        'error',
        'graph/no-producer',
        `${called(node, index)} reads ${quoted(input)}, which no node, input or initializer produces.`,
        placeOfNode(path, node, index, input),
      );
    }
  });
  for (const output of graph.outputs) {
    if (isVisible(names, output.name)) continue;
    findings.add(
      'error',
      'graph/no-producer',
      `The output ${quoted(output.name)} is produced by no node, input or initializer.`,
      placeOf(path, output.name),
    );
  }
}

/** Reports initializers that nothing reads, in one line with their number. */
export function* checkUnused(
  { graph, path }: ScopedGraph,
  cache: CaptureCache,
  findings: Findings,
): Steps<void> {
  if (graph.initializers.length === 0) return;
  const read = new Set<string>();
  yield* eachInSteps(graph.nodes, (node) => {
    for (const name of namesRead(node, cache)) read.add(name);
  });
  for (const output of graph.outputs) read.add(output.name);
  for (const input of graph.inputs) read.add(input.name);
  for (const each of graph.quantizationAnnotations) {
    for (const { value } of each.quantParameterTensorNames) read.add(value);
  }
  const unused = graph.initializers.filter(({ name }) => !read.has(name)).map(({ name }) => name);
  if (unused.length === 0) return;
  const [is, them] = unused.length === 1 ? ['initializer is', 'it'] : ['initializers are', 'them'];
  findings.add(
    'info',
    'size/unused-initializer',
    `${unused.length} ${is} read by nothing (${listed(unused)}); optimising the model removes ${them}.`,
    placeOf(path, unused[0]),
  );
}

/** Reports initializers whose shape is not what the input of the same name states, and impossible dimensions. */
export function* checkStatedShapes({ graph, path }: ScopedGraph, findings: Findings): Steps<void> {
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  yield;
  for (const input of graph.inputs) {
    const tensor = initializers.get(input.name);
    const stated = shapeOfType(input.type);
    if (!tensor || !stated) continue;
    const fits =
      stated.length === tensor.dims.length &&
      stated.every((dim, axis) => typeof dim !== 'number' || dim === tensor.dims[axis]);
    if (fits) continue;
    findings.add(
      'warning',
      'graph/initializer-shape',
      `The input ${quoted(input.name)} is stated as ${shapeText(stated)}, but its initializer is ${shapeText(tensor.dims)}.`,
      placeOf(path, input.name),
    );
  }
  yield* eachInSteps(graph.initializers, (tensor) => {
    if (tensor.dims.every((dim) => dim >= 0) && Number.isSafeInteger(elementCount(tensor.dims))) return;
    findings.add(
      'error',
      'graph/initializer-shape',
      `The initializer ${quoted(tensor.name)} has the impossible shape ${shapeText(tensor.dims)}.`,
      placeOf(path, tensor.name),
    );
  });
  for (const info of [...graph.inputs, ...graph.outputs]) {
    const dims = shapeOfType(info.type);
    if (!dims?.some((dim) => typeof dim === 'number' && dim < 0)) continue;
    findings.add(
      'error',
      'graph/negative-dimension',
      `${quoted(info.name)} is stated with a negative dimension (${shapeText(dims)}); a free dimension needs a name or nothing.`,
      placeOf(path, info.name),
    );
  }
}

/** Reports node names that are not unique: profiles and reports cannot tell such nodes apart. */
export function* checkNodeNames(
  { graph, path }: { graph: Graph; path: string },
  findings: Findings,
): Steps<void> {
  const seen = new Set<string>();
  const doubled = new Set<string>();
  yield* eachInSteps(graph.nodes, ({ name }) => {
    if (name === '') return;
    if (seen.has(name)) doubled.add(name);
    seen.add(name);
  });
  const [first] = doubled;
  if (first === undefined) return;
  findings.add(
    'info',
    'graph/duplicate-node-name',
    `${doubled.size} node ${doubled.size === 1 ? 'name is' : 'names are'} used more than once (${listed([...doubled])}).`,
    placeOf(path),
  );
}
