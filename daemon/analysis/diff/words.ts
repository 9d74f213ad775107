// Changes of a node, of inputs and outputs and of the header in words, the same in the command line, in the window and on
// the graph.

import type { Node } from '../../ir/model';
import { numberText } from '../attributeText';
import { signatureOf } from '../language/signature';

/** Versions of the operator sets that hold where a node stands. */
export type Opsets = ReadonlyMap<string, number>;

export const opsetsOf = (imports: readonly { readonly domain: string; readonly version: number }[]): Opsets =>
  new Map(imports.map(({ domain, version }) => [plainDomain(domain), version]));

const plainDomain = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

const signatureAt = ({ domain, opType }: Node, opsets: Opsets) =>
  signatureOf(domain, opType, opsets.get(plainDomain(domain)));

/** What an attribute counts as where it is not stated, as attributeText writes it; undefined where nothing says so. */
export function defaultText(node: Node, attribute: string, opsets: Opsets): string | undefined {
  const formal = signatureAt(node, opsets)?.attributes.find(({ name }) => name === attribute);
  if (formal?.default === undefined) return undefined;
  const each = (text: string) => (formal.type.startsWith('float') ? numberText(Number(text)) : text);
  const list = /^\[(.*)\]$/.exec(formal.default)?.[1];
  return list === undefined ? each(formal.default) : list.split(' ').map(each).join(', ');
}

/** "alpha: 2 → not stated (1)". */
export function attributeWords(
  name: string,
  from: string | null,
  to: string | null,
  absent: string | undefined,
): string {
  const nothing = absent === undefined ? 'not stated' : `not stated (${absent})`;
  return `${name}: ${from ?? nothing} → ${to ?? nothing}`;
}

/** What the operator calls an input: "W", else "input 2". */
export function inputLabel(node: Node, slot: number, opsets: Opsets): string {
  const formal = signatureAt(node, opsets)?.inputs[slot];
  return formal && formal.takes !== 'any' ? formal.name : `input ${slot + 1}`;
}

/** One side of a weight that differs. */
export interface WeightSide {
  readonly name: string;
  /** Empty where the value is computed. */
  readonly dtype: string;
  readonly shape: string;
  /** Operators between the tensor and the node. */
  readonly through: readonly string[];
}

/** "W (conv1.weight): float → int8 behind DequantizeLinear, 64×3×7×7". */
export function weightWords(label: string, from: WeightSide | undefined, to: WeightSide | undefined): string {
  const name = to?.name || from?.name;
  const what = name ? `${label} (${name})` : label;
  if (!from || !to) {
    const one = from ?? to;
    return one ? `${what} ${from ? 'removed' : 'added'}: ${sideText(one, true)}` : what;
  }
  if (from.dtype === '' || to.dtype === '') return `${what}: ${sideText(from, true)} → ${sideText(to, true)}`;
  if (from.dtype !== to.dtype) {
    const sameShape = from.shape === to.shape;
    const types = `${sideText(from, !sameShape)} → ${sideText(to, !sameShape)}`;
    return sameShape ? `${what}: ${types}, ${from.shape}` : `${what}: ${types}`;
  }
  return from.shape === to.shape ? `${what}: other values` : `${what}: ${from.shape} → ${to.shape}`;
}

function sideText({ dtype, shape, through }: WeightSide, withShape: boolean): string {
  if (dtype === '') return `computed by ${through[0] ?? 'constants'}`;
  const behind = through.length > 0 ? ` behind ${through.join(', ')}` : '';
  return `${dtype}${withShape ? ` ${shape}` : ''}${behind}`;
}

/** `A reads "y" instead of "x"`. */
export function inputWords(label: string, from: string | null, to: string | null): string {
  if (to === null) return `${label} no longer reads "${from}"`;
  return from === null ? `${label} reads "${to}" now` : `${label} reads "${to}" instead of "${from}"`;
}

/** "producer: pytorch → slipway", "metadata author added: me". */
export function fieldWords(field: string, from: string | null, to: string | null): string {
  if (from === null) return `${field} added: ${to}`;
  return to === null ? `${field} removed: ${from}` : `${field}: ${from} → ${to}`;
}
