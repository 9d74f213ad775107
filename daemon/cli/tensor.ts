// slipway tensor: the tensors of a model, the values of one, and its export as a NumPy array.

import { findTensor } from '../analysis/nodeDetails';
import { graphAt } from '../analysis/graphTable';
import { tensorBytes } from '../analysis/summary';
import type { Task } from '../base/task';
import { DataType, dataTypeBits, dataTypeName } from '../ir/dataType';
import { elementCount, type Tensor } from '../ir/tensor';
import { floatsOf, readStrings, readTensorValues } from '../onnx/tensorData';
import { tensorStatistics } from '../onnx/tensorStatistics';
import { floatText } from '../onnx/text/printTensor';
import { exportTensor } from '../recipes/exportTensor';
import { readSound } from '../recipes/modelFiles';
import { textOption, UsageError, type ParsedArgs } from './args';
import type { Command, Outcome } from './command';
import { byteText, count, percent, significant } from './format';
import { renderList, renderTable } from './table';

export const tensorCommand: Command = {
  spec: {
    name: 'tensor',
    summary: 'Lists the tensors of a model, shows the values of one, or writes it as a NumPy array',
    usage: 'tensor MODEL [NAME] [-o FILE.npy]',
    options: {
      output: { type: 'string', short: 'o', value: 'FILE', help: 'NumPy array to write; it must not exist' },
      graph: { type: 'string', value: 'PATH', help: 'Nested graph that it is in, If_3/then_branch' },
      start: { type: 'string', value: 'N', help: 'First value to show (0)' },
      count: { type: 'string', value: 'N', help: 'How many values to show (64)' },
    },
    positionals: { min: 1, max: 2, what: 'The model' },
    examples: [
      'slipway tensor resnet.onnx',
      'slipway tensor resnet.onnx conv1.weight --start 1000 --count 16',
      'slipway tensor resnet.onnx conv1.weight -o conv1.npy',
    ],
  },
  async run(args, { task }) {
    const [file, name] = args.positionals;
    const [output, scope] = [textOption(args, 'output'), textOption(args, 'graph')];
    const { model } = await readSound(file!, 'read', task);
    if (name === undefined) {
      if (output !== undefined) throw new UsageError('-o needs the name of a tensor.');
      return listOf(graphAt(model, scope).graph.initializers);
    }
    if (output !== undefined) {
      const written = await exportTensor(model, { modelFile: file!, scope, name }, output, {}, task);
      const widened =
        written.widened === undefined ? '' : `, as NumPy has no ${written.widened} (no value is changed)`;
      return {
        result: written,
        text: `${written.file}: ${byteText(written.bytes)} of ${written.dtype}${widened}`,
      };
    }
    const tensor = findTensor(model, scope, name);
    const total = elementCount(tensor.dims);
    const start = Math.min(wholeOption(args, 'start', 0), total);
    const range = { start, count: Math.min(wholeOption(args, 'count', 64), total - start) };
    return valuesOf(tensor, range, task);
  },
};

function wholeOption(args: ParsedArgs, name: string, otherwise: number): number {
  const text = textOption(args, name);
  if (text === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${name} takes a whole number, not "${text}".`);
  return Number(text);
}

const summaryOf = (tensor: Tensor) => ({
  name: tensor.name,
  dtype: dataTypeName(tensor.dataType),
  shape: tensor.dims,
  bytes: tensorBytes(tensor),
});

function listOf(tensors: readonly Tensor[]): Outcome {
  const list = tensors.map(summaryOf);
  const columns = [
    { title: 'Tensor' },
    { title: 'Type' },
    { title: 'Shape' },
    { title: 'Size', align: 'right' as const },
  ];
  const rows = list.map(({ name, dtype, shape, bytes }) => [name, dtype, shape.join('×'), byteText(bytes)]);
  return {
    result: { tensors: list },
    text: list.length === 0 ? 'The graph has no initializers.' : renderTable(columns, rows),
  };
}

async function valuesOf(
  tensor: Tensor,
  range: { start: number; count: number },
  task: Task,
): Promise<Outcome> {
  const total = elementCount(tensor.dims);
  const values = await textsOf(tensor, range, task);
  const summary = summaryOf(tensor);
  const hasStatistics =
    tensor.dataType !== DataType.COMPLEX64 &&
    tensor.dataType !== DataType.COMPLEX128 &&
    dataTypeBits(tensor.dataType) !== undefined;
  const statistics = hasStatistics ? await tensorStatistics(tensor, task) : null;
  const end = range.start + range.count;
  const number = (value: number | null) => (value === null ? 'none' : significant(value));
  return {
    result: { ...summary, elements: total, start: range.start, values, statistics },
    text: [
      renderList([
        ['Tensor', summary.name],
        ['Type', `${summary.dtype} ${summary.shape.length === 0 ? 'scalar' : summary.shape.join('×')}`],
        ['Size', `${count(total)} values, ${byteText(summary.bytes)}`],
        ...(statistics === null
          ? []
          : ([
              ['Range', `${number(statistics.min)} to ${number(statistics.max)}`],
              ['Mean', `${number(statistics.mean)} ± ${number(statistics.stddev)}`],
              ['Zeros', total === 0 ? '0' : percent(statistics.zeros / total)],
              ...(statistics.nan > 0 ? [['NaN', count(statistics.nan)]] : []),
              ...(statistics.infinite > 0 ? [['Infinite', count(statistics.infinite)]] : []),
            ] as [string, string][])),
      ]),
      '',
      range.count === 0
        ? 'No values to show.'
        : `Values ${count(range.start)} to ${count(end - 1)} of ${count(total)}:`,
      values.join(' '),
    ].join('\n'),
  };
}

const wholeTypes: readonly DataType[] = [
  DataType.INT8,
  DataType.UINT8,
  DataType.INT16,
  DataType.UINT16,
  DataType.INT32,
  DataType.UINT32,
  DataType.INT64,
  DataType.UINT64,
  DataType.BOOL,
  DataType.INT4,
  DataType.UINT4,
  DataType.INT2,
  DataType.UINT2,
];

async function textsOf(
  tensor: Tensor,
  range: { start: number; count: number },
  task: Task,
): Promise<string[]> {
  const { dataType } = tensor;
  if (dataType === DataType.STRING)
    return (await readStrings(tensor, task)).slice(range.start, range.start + range.count);
  const values = await readTensorValues(tensor, range, task);
  if (wholeTypes.includes(dataType)) return Array.from(values, String);
  if (dataType === DataType.DOUBLE) return Array.from(values, String);
  const numbers = Array.from(floatsOf(dataType, values), floatText);
  if (dataType !== DataType.COMPLEX64 && dataType !== DataType.COMPLEX128) return numbers;
  return Array.from({ length: numbers.length / 2 }, (_, i) => `${numbers[2 * i]!}+${numbers[2 * i + 1]!}i`);
}
