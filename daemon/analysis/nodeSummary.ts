// One short line about a node for the picture: "3×3, stride 2, 64→128", "axis 1", "to float16". Says only what
// the operator's name does not.

import { findAttribute, intAttribute, intsAttribute, stringAttribute } from '../ir/attributes';
import { dataTypeName } from '../ir/dataType';
import type { Node } from '../ir/model';
import { typeIn, valuesIn, type InferredGraph } from './shapes';
import type { Dims } from './shapes/dims';
import { numberText, tensorText } from './attributeText';
import { shapeText } from './typeText';

interface View {
  readonly node: Node;
  readonly dims: (input: number) => Dims | null;
  readonly values: (input: number) => Dims | undefined;
}

type Summarizer = (view: View) => (string | undefined)[];

const longest = 60;

/** The line for a node of an inferred graph; empty when there is nothing to add. */
export function nodeSummary(node: Node, shapes: InferredGraph): string {
  const summarizer = summarizers.get(node.opType) ?? byAttributes;
  const view: View = {
    node,
    dims: (input) => typeIn(shapes, node.inputs[input] ?? '')?.dims ?? null,
    values: (input) => valuesIn(shapes, node.inputs[input] ?? ''),
  };
  const text = summarizer(view)
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** "2" when all are alike, "2×1" when not, nothing when all have the default. */
function each(values: readonly number[] | undefined, unlike: number): string | undefined {
  if (!values || values.every((value) => value === unlike)) return undefined;
  return values.every((value) => value === values[0]) ? String(values[0]) : values.join('×');
}

const named = (name: string, text: string | undefined) =>
  text === undefined ? undefined : `${name} ${text}`;

const window = (node: Node): (string | undefined)[] => [
  named('stride', each(intsAttribute(node, 'strides'), 1)),
  named('dilation', each(intsAttribute(node, 'dilations'), 1)),
];

const product = (a: Dims[number] | undefined, b: number) => (typeof a === 'number' ? a * b : '?');

const convolution =
  (weights: number, transposed = false): Summarizer =>
  ({ node, dims }) => {
    const kernel = dims(weights);
    const group = intAttribute(node, 'group', 1);
    const channels = kernel && [
      transposed ? (kernel[0] ?? '?') : product(kernel[1], group),
      transposed ? product(kernel[1], group) : (kernel[0] ?? '?'),
    ];
    return [
      shapeText(kernel?.slice(2) ?? intsAttribute(node, 'kernel_shape') ?? null),
      ...window(node),
      channels?.join('→'),
      group > 1 ? `group ${group}` : undefined,
      activation(node),
    ];
  };

const activation = (node: Node) => {
  const name = stringAttribute(node, 'activation', '');
  return name === '' ? undefined : name;
};

const pool: Summarizer = ({ node }) => [
  shapeText(intsAttribute(node, 'kernel_shape') ?? null),
  ...window(node),
];

const gemm =
  (weights: number): Summarizer =>
  ({ node, dims }) => {
    const matrix = dims(weights);
    if (matrix?.length !== 2) return [];
    const [k, n] = intAttribute(node, 'transB', 0) !== 0 ? [matrix[1], matrix[0]] : matrix;
    return [`${k ?? '?'}→${n ?? '?'}`, activation(node)];
  };

/** Only a product with a plain matrix is a layer; the others are named by their edges. */
const matmul =
  (weights: number): Summarizer =>
  ({ dims }) => {
    const matrix = dims(weights);
    return matrix?.length === 2 ? [`${matrix[0] ?? '?'}→${matrix[1] ?? '?'}`] : [];
  };

const axis: Summarizer = ({ node }) => [
  findAttribute(node, 'axis')?.type === 'INT' ? `axis ${intAttribute(node, 'axis', 0)}` : undefined,
];

const list = (values: Dims | undefined): string | undefined =>
  values && values.length > 0 && values.length <= 8
    ? values.map((value) => (typeof value === 'number' ? numberText(value) : (value ?? '?'))).join(', ')
    : undefined;

const axesOf = ({ node, values }: View, input: number): string | undefined => {
  const axes = list(intsAttribute(node, 'axes') ?? values(input));
  return axes === undefined ? undefined : `${axes.includes(',') ? 'axes' : 'axis'} ${axes}`;
};

const reduce: Summarizer = (view) => [
  axesOf(view, 1),
  intAttribute(view.node, 'keepdims', 1) === 0 ? 'drops them' : undefined,
];

const scalar = (values: Dims | undefined): string | undefined =>
  values?.length === 1 && typeof values[0] === 'number' ? numberText(values[0]) : undefined;

/** The constant that is added, multiplied, … where one operand is a single known number. */
const withOperand =
  (sign: string): Summarizer =>
  ({ values }) => {
    const second = scalar(values(1));
    if (second !== undefined) return [`${sign} ${second}`];
    const first = scalar(values(0));
    return first === undefined ? [] : [`${first} ${sign}`];
  };

const target: Summarizer = ({ node, values }) => {
  const shape = values(1) ?? intsAttribute(node, 'shape');
  return [shape ? `to ${shapeText(shape)}` : undefined];
};

const clip: Summarizer = ({ node, values }) => {
  const bound = (name: string, input: number) => {
    const attribute = findAttribute(node, name);
    return attribute?.type === 'FLOAT' ? numberText(attribute.value) : scalar(values(input));
  };
  const low = bound('min', 1);
  const high = bound('max', 2);
  return low === undefined && high === undefined ? [] : [`${low ?? ''} … ${high ?? ''}`.trim()];
};

const constant: Summarizer = ({ node }) => {
  const [value] = node.attributes;
  switch (value?.type) {
    case 'TENSOR':
      return [tensorText(value.value)];
    case 'INT':
    case 'FLOAT':
      return [numberText(Number(value.value))];
    case 'INTS':
    case 'FLOATS':
      return [list(value.value.slice(0, 9).map(Number)) ?? `${value.value.length} numbers`];
    default:
      return [];
  }
};

const resize: Summarizer = ({ node, values }) => {
  const sizes = values(3);
  const scales = values(2) ?? values(1);
  return [
    stringAttribute(node, 'mode', 'nearest'),
    sizes ? `to ${shapeText(sizes)}` : scales && `by ${list(scales) ?? ''}`,
  ];
};

const recurrent: Summarizer = ({ node }) => [
  `hidden ${intAttribute(node, 'hidden_size', 0)}`,
  stringAttribute(node, 'direction', 'forward') === 'forward'
    ? undefined
    : stringAttribute(node, 'direction', ''),
];

const slice: Summarizer = ({ node, values }) => {
  const starts = intsAttribute(node, 'starts') ?? values(1);
  const ends = intsAttribute(node, 'ends') ?? values(2);
  const axes = intsAttribute(node, 'axes') ?? values(3);
  if (starts?.length !== 1 || ends?.length !== 1) return [];
  const end = ends[0] ?? '?';
  const text = `${starts[0] ?? '?'}:${typeof end === 'number' && Math.abs(end) >= 2 ** 31 - 1 ? '' : end}`;
  return [text, axes ? `axis ${list(axes) ?? '?'}` : undefined];
};

const packed: Summarizer = ({ node }) => [
  `${intAttribute(node, 'K', 0)}→${intAttribute(node, 'N', 0)}`,
  `${intAttribute(node, 'bits', 4)} bit`,
  `block ${intAttribute(node, 'block_size', 0)}`,
];

/** Any other operator: its axis where it has one, else a coefficient or two. */
const byAttributes: Summarizer = (view) => {
  const parts = axis(view);
  for (const attribute of view.node.attributes.slice(0, 8)) {
    // A body of a Loop or a Scan, or the branches of an If.
    if (attribute.type === 'GRAPH') {
      const { length } = attribute.value.nodes;
      const name = attribute.name.replace(/_branch$/, '');
      parts.push(`${name}: ${length} node${length === 1 ? '' : 's'}`);
    }
    if (attribute.type === 'FLOAT' && !['epsilon', 'momentum'].includes(attribute.name)) {
      parts.push(`${attribute.name} ${numberText(attribute.value)}`);
    }
  }
  return parts.slice(0, 3);
};

const summarizers: ReadonlyMap<string, Summarizer> = new Map<string, Summarizer>([
  ['Conv', convolution(1)],
  ['FusedConv', convolution(1)],
  ['NhwcFusedConv', convolution(1)],
  ['ConvInteger', convolution(1)],
  ['QLinearConv', convolution(3)],
  ['ConvTranspose', convolution(1, true)],
  ['MaxPool', pool],
  ['AveragePool', pool],
  ['LpPool', pool],
  ['QLinearAveragePool', pool],
  ['Gemm', gemm(1)],
  ['FusedGemm', gemm(1)],
  ['QGemm', gemm(3)],
  ['MatMul', matmul(1)],
  ['MatMulInteger', matmul(1)],
  ['MatMulIntegerToFloat', matmul(1)],
  ['DynamicQuantizeMatMul', matmul(1)],
  ['QLinearMatMul', matmul(3)],
  ['MatMulNBits', packed],
  ['Add', withOperand('+')],
  ['Sub', withOperand('−')],
  ['Mul', withOperand('×')],
  ['Div', withOperand('÷')],
  ['Pow', withOperand('^')],
  ['Reshape', target],
  ['Expand', target],
  ['Squeeze', (view) => [axesOf(view, 1)]],
  ['Unsqueeze', (view) => [axesOf(view, 1)]],
  ['Transpose', ({ node }) => [intsAttribute(node, 'perm')?.join(', ')]],
  ['Pad', ({ node, values }) => [list(intsAttribute(node, 'pads') ?? values(1))]],
  ['Cast', ({ node }) => [`to ${dataTypeName(intAttribute(node, 'to', 0))}`]],
  ['Clip', clip],
  ['Constant', constant],
  ['Resize', resize],
  ['Upsample', resize],
  ['Slice', slice],
  ['Einsum', ({ node }) => [stringAttribute(node, 'equation', '')]],
  ['TopK', (view) => [named('k', scalar(view.values(1))), ...axis(view)]],
  ['LSTM', recurrent],
  ['GRU', recurrent],
  ['RNN', recurrent],
  ...['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'].map(
    (name): [string, Summarizer] => [`Reduce${name}`, reduce],
  ),
]);
