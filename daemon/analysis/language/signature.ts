// Signatures of operators by name and operator set version.

import { contribSignatures } from '../operators/contribSchemas';
import { signatureLines } from './signatures';

export interface Parameter {
  readonly name: string;
  readonly takes: 'one' | 'optional' | 'any';
}

export interface AttributeSignature {
  readonly name: string;
  /** `ints`, `float`, `graph`. */
  readonly type: string;
  readonly required: boolean;
  readonly default: string | undefined;
}

export interface Signature {
  readonly name: string;
  readonly domain: string;
  /** Version of the operator set since which inputs, outputs and attributes are these. */
  readonly since: number;
  readonly inputs: readonly Parameter[];
  readonly outputs: readonly Parameter[];
  readonly attributes: readonly AttributeSignature[];
}

const tables = new Map<string, ReadonlyMap<string, readonly Signature[]>>();

const inTable = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

function tableOf(given: string): ReadonlyMap<string, readonly Signature[]> {
  const domain = inTable(given);
  const known = tables.get(domain);
  if (known) return known;
  const table = new Map<string, Signature[]>();
  const standard = Object.hasOwn(signatureLines, domain) ? signatureLines[domain]! : '';
  const text = domain === 'com.microsoft' ? contribSignatures : standard;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [head = '', inputs = '', outputs = '', attributes = ''] = line.split('|');
    const [name = '', since = ''] = head.split('@');
    const signature: Signature = {
      name,
      domain,
      since: Number(since),
      inputs: words(inputs).map(parameter),
      outputs: words(outputs).map(parameter),
      attributes: words(attributes).map(attribute),
    };
    table.set(name, [...(table.get(name) ?? []), signature]);
  }
  tables.set(domain, table);
  return table;
}

const words = (text: string) => (text === '' ? [] : text.split(','));

const parameter = (text: string): Parameter => {
  const takes = text.endsWith('?') ? 'optional' : text.endsWith('*') ? 'any' : 'one';
  return { name: takes === 'one' ? text : text.slice(0, -1), takes };
};

const attribute = (text: string): AttributeSignature => {
  const [, name = '', type = '', required, value] = /^([^:]+):([a-z_]+)(!)?(?:=(.*))?$/.exec(text) ?? [];
  return { name, type, required: required !== undefined, default: value };
};

/** The signature at a version of the domain's operator set; the newest one where the version is not known. */
export function signatureOf(domain: string, name: string, opset = Infinity): Signature | undefined {
  return tableOf(domain)
    .get(name)
    ?.findLast(({ since }) => since <= opset);
}

/** Names of a domain's operators at a version. */
export function operatorsOf(domain: string, opset = Infinity): string[] {
  return [...tableOf(domain)]
    .filter(([, versions]) => versions.some(({ since }) => since <= opset))
    .map(([name]) => name);
}

/** Where the operator is described. */
export function documentationOf(domain: string, name: string): string | undefined {
  if (inTable(domain) === '' || domain.startsWith('ai.onnx.')) {
    if (!tableOf(domain).has(name)) return undefined;
    // The page of a domain of its own is named by the domain without its dots: onnx_aionnxml_Scaler.
    const prefix = inTable(domain) === '' ? '' : `${domain.replaceAll('.', '')}_`;
    return `https://onnx.ai/onnx/operators/onnx_${prefix === '' ? '_' : prefix}${name}.html`;
  }
  // The name comes from a file: only what looks like one goes into an address.
  if (domain === 'com.microsoft' && /^\w{1,80}$/.test(name))
    return `https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.${name}`;
  return undefined;
}

/** `Conv(X, W, B?) → Y`. */
export function signatureText({ name, inputs, outputs }: Signature): string {
  const list = (all: readonly Parameter[]) =>
    all
      .map(({ name: own, takes }) => (takes === 'optional' ? `${own}?` : takes === 'any' ? `${own}…` : own))
      .join(', ');
  return `${name}(${list(inputs)}) → ${list(outputs)}`;
}
