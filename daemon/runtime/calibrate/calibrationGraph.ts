// The copy of a model that calibration runs: reductions of the wanted values as further outputs, so that only a few
// numbers a value leave a run. What need not be measured is not: every reduction reads its whole value, and together
// they cost as much as a small model itself.

import { smallValues } from '../../analysis/smallTensors';
import { node, valueInfo } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Graph, Model, Node } from '../../ir/model';
import type { Feeds } from '../runner/session';

export interface MeasureOptions {
  /** Measure how many elements each value has, too. */
  readonly sizes?: boolean | undefined;
  /**
   * Take zero for the minimum of values that cannot be negative, and look for NaN only where the model ends: what is
   * NaN in between and matters arrives there. `false` measures everything of every value.
   */
  readonly lean?: boolean | undefined;
}

/** Scalars of one value in one batch. */
export interface Scalars {
  readonly min: number;
  readonly max: number;
  readonly size?: number | undefined;
  /** False when an element was NaN (where that was looked for) or infinite. */
  readonly finite: boolean;
}

export interface MeasuredGraph {
  readonly model: Model;
  /** Names of the scalar outputs. */
  readonly outputs: readonly string[];
  /** What a run said of the value at `index`. */
  readonly scalars: (results: Feeds, index: number) => Scalars;
  /** Whether a value that was not asked for, an output of the model, held NaN. */
  readonly lostElsewhere: (results: Feeds) => boolean;
}

const toFloat = { to: BigInt(DataType.FLOAT) };
type Kind = 'ReduceMin' | 'ReduceMax' | 'ReduceSum' | 'Size';

/** Adds the reductions; without axes they have the same form in every opset. */
export function measuredGraph(
  model: Model,
  values: readonly string[],
  options: MeasureOptions,
): MeasuredGraph {
  const { graph } = model;
  const taken = namesOf(graph);
  for (const value of values) {
    if (!taken.has(value)) throw new Error(`The graph has no value "${value}" to calibrate.`);
  }
  let prefix = 'slipway_range';
  while ([...taken].some((name) => name.startsWith(prefix))) prefix += '_';
  const nodes = [...graph.nodes];
  const cast = holdsOtherFloats(graph);
  let count = 0;
  const outputs: string[] = [];
  const add = (op: string, input: string, attributes: Record<string, bigint>): string => {
    const name = `${prefix}_${op}_${count++}`;
    nodes.push(node(op, [input], [name], { name, attributes }));
    return name;
  };
  const reduce = (kind: Kind, value: string): string => {
    // Half floats would overflow in the sum.
    const input = kind === 'ReduceSum' && cast ? add('Cast', value, toFloat) : value;
    const reduced = add(kind, input, kind === 'Size' ? {} : { keepdims: 0n });
    const output = cast || kind === 'Size' ? add('Cast', reduced, toFloat) : reduced;
    outputs.push(output);
    return output;
  };
  const lean = options.lean === true;
  const ends = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  const positive = lean ? neverNegative(graph) : new Set<string>();
  const wanted = new Set(values);
  const others = graph.outputs.flatMap(({ name, type }) =>
    lean && type?.kind === 'tensor' && type.elemType === DataType.FLOAT && !wanted.has(name)
      ? [reduce('ReduceSum', name)]
      : [],
  );
  // ONNX Runtime begins with the end that comes last in the list, and runs what it needs. The reductions near the
  // inputs must come last: the other way round every value of the model is kept until all of it has run.
  const order = new Map(graph.nodes.flatMap((each, at) => each.outputs.map((name) => [name, at])));
  const place = (value: string) => order.get(value) ?? -1;
  const made = new Map(
    [...wanted]
      .sort((a, b) => place(b) - place(a))
      .map((value) => [
        value,
        {
          max: reduce('ReduceMax', value),
          min: positive.has(value) ? undefined : reduce('ReduceMin', value),
          sum: lean && !ends.has(value) ? undefined : reduce('ReduceSum', value),
          size: options.sizes === true ? reduce('Size', value) : undefined,
        },
      ]),
  );
  const names = values.map((value) => made.get(value)!);
  const infos = outputs.map((name) => valueInfo(name, DataType.FLOAT, []));
  const numberOf = (results: Feeds, name: string) => {
    const value = results[name]?.data[0];
    return value === undefined ? Number.NaN : Number(value);
  };
  return {
    model: { ...model, graph: { ...graph, nodes, outputs: [...graph.outputs, ...infos] } },
    outputs,
    scalars(results, index) {
      const { max: maxName, min: minName, sum, size } = names[index]!;
      const max = numberOf(results, maxName);
      // An empty value has no maximum, and then no minimum either.
      const min = minName === undefined ? (max === -Infinity ? Infinity : 0) : numberOf(results, minName);
      return {
        min,
        max,
        size: size === undefined ? undefined : numberOf(results, size),
        finite: isFinite(sum === undefined ? 0 : numberOf(results, sum), min, max),
      };
    },
    lostElsewhere: (results) => others.some((name) => Number.isNaN(numberOf(results, name))),
  };
}

/**
 * Whether all values of a batch were finite: a sum is NaN when one of them is or when infinities meet, and a minimum
 * and maximum hold the others. A sum of finite values that overflows says nothing, and an empty value is no fault.
 */
const isFinite = (sum: number, min: number, max: number): boolean =>
  !Number.isNaN(sum) && (min > max || (Math.abs(min) < Infinity && Math.abs(max) < Infinity));

/** Whether values of the graph may be floats of other widths than 32 bits. */
const holdsOtherFloats = (graph: Graph): boolean => {
  const others: ReadonlySet<number> = new Set([DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE]);
  return (
    graph.initializers.some(({ dataType }) => others.has(dataType)) ||
    [...graph.inputs, ...graph.valueInfo, ...graph.outputs].some(
      ({ type }) => type?.kind === 'tensor' && others.has(type.elemType),
    ) ||
    graph.nodes.some((each) => each.opType === 'Cast' || each.attributes.some(({ name }) => name === 'dtype'))
  );
};

const positive: ReadonlySet<string> = new Set(['Relu', 'Sigmoid', 'HardSigmoid', 'Softmax', 'Exp', 'Abs']);
/** Operators that give nothing negative when nothing negative goes in. */
const keeping: ReadonlySet<string> = new Set([
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'Reshape', 'Flatten', 'Transpose'],
  ...['Squeeze', 'Unsqueeze', 'Identity', 'Concat', 'Add', 'Mul', 'Sqrt'],
]);

/** Values that cannot be below zero whatever goes in. */
function neverNegative(graph: Graph): Set<string> {
  const found = new Set<string>();
  const shapeInputs: ReadonlySet<string> = new Set(['Reshape', 'Squeeze', 'Unsqueeze']);
  const small = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const clips = ({ opType, inputs }: Node) => {
    const least = opType === 'Clip' ? small.get(inputs[1] ?? '') : undefined;
    return least !== undefined && (smallValues(least)?.[0] ?? -1) >= 0;
  };
  for (const each of graph.nodes) {
    if (each.domain !== '' && each.domain !== 'ai.onnx') continue;
    const data = shapeInputs.has(each.opType) ? each.inputs.slice(0, 1) : each.inputs;
    const kept = keeping.has(each.opType) && data.every((name) => found.has(name));
    if (positive.has(each.opType) || kept || clips(each)) found.add(each.outputs[0] ?? '');
  }
  return found;
}

function namesOf(graph: Graph): Set<string> {
  return new Set([
    ...graph.inputs.map((input) => input.name),
    ...graph.nodes.flatMap((one) => one.outputs),
    ...graph.initializers.map((tensor) => tensor.name),
  ]);
}
