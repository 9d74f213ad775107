// What is known of the thing under the pointer, in Markdown: a value with its type, maker and readers; an operator
// with its signature, attributes and cost.

import type { GraphSyntax, Mark, NodeSyntax } from '../../onnx/text/syntax';
import { nameText } from '../../onnx/text/printTensor';
import { contribRelease } from '../operators/contribSchemas';
import { typeIn, type InferredType } from '../shapes';
import type { LanguageDocument } from './document';
import { entryAt, titleOf } from './navigate';
import { functionKeyOf, headerText, markAt, type ValueEntry } from './resolve';
import { operatorWords } from '../operators/operatorDocumentation';
import { documentationOf, signatureOf, signatureText } from './signature';

export interface Hover {
  readonly markdown: string;
  readonly mark: Mark;
}

/** The hover at an offset; undefined where nothing is named. */
export async function hover(document: LanguageDocument, offset: number): Promise<Hover | undefined> {
  const mark = markAt(document.syntax, offset);
  if (!mark) return undefined;
  const markdown = await describe(document, mark);
  return markdown === undefined ? undefined : { markdown, mark };
}

async function describe(document: LanguageDocument, mark: Mark): Promise<string | undefined> {
  const node = document.names.nodes.get(mark);
  switch (mark.kind) {
    case 'value': {
      const entry = entryAt(document, mark);
      return entry && valueMarkdown(document, entry);
    }
    case 'operator':
    case 'label':
      return node && operatorMarkdown(document, node);
    case 'attribute':
      return node && attributeMarkdown(document, node, mark.text);
    case 'function': {
      const own = document.syntax.functions.find(({ name }) => name === mark);
      return own && code(functionText(own));
    }
    default:
      return undefined;
  }
}

const code = (text: string) => `\`\`\`onnx-text\n${text}\n\`\`\``;

/** Text that Markdown takes for itself is shown as it is. */
const plain = (text: string) => text.replace(/[\\`*_{}[\]()#+\-.!|<>]/g, '\\$&');

/** `float[N,64,56,56]`; undefined when nothing is known. */
function inferredText(type: InferredType | undefined): string | undefined {
  if (!type || type.dtype === 'undefined') return undefined;
  if (!type.dims) return `${type.dtype}[]`;
  if (type.dims.length === 0) return type.dtype;
  return `${type.dtype}[${type.dims.map((dim) => (dim === null ? '?' : dim)).join(',')}]`;
}

async function typeTextOf(document: LanguageDocument, entry: ValueEntry): Promise<string | undefined> {
  const inferred = entry.graph && (await document.inferred(entry.graph));
  const known = inferred && inferredText(typeIn(inferred, entry.name));
  if (known !== undefined) return known;
  const stated = entry.made.find(({ value }) => value?.type)?.value;
  return stated && document.text.slice(stated.start, stated.name.start).trim();
}

async function valueMarkdown(document: LanguageDocument, entry: ValueEntry): Promise<string> {
  const type = await typeTextOf(document, entry);
  const lines = [code(`${type === undefined ? '' : `${type} `}${nameText(entry.name)}`)];
  const made = entry.made[0];
  if (!made) lines.push(entry.graph ? 'Nothing makes this value.' : 'Comes from the graph around this one.');
  else if (made.node) {
    const output = made.node.outputs.indexOf(made.mark);
    lines.push(`Output ${output} of **${plain(made.node.operator.text)}** ${plain(titleOf(made.node))}.`);
  } else if (made.by === 'input') lines.push('Graph input.');
  else {
    const data = made.value?.data;
    lines.push('Initializer.');
    if (data?.form === 'values') {
      const values = document.text.slice(data.start, data.end);
      lines.push(code(values.length > 300 ? `${values.slice(0, 300)} …` : values));
    } else if (data?.form === 'external')
      lines.push(data.entries.map(({ key, value }) => `${plain(key)}: ${plain(value)}`).join(', '));
  }
  const readers = new Set(entry.read.map(({ node }) => node));
  if (readers.size > 0) {
    const shown = [...readers].slice(0, 5).map((each) => plain(each.operator.text));
    const more = readers.size > 5 ? ', …' : '';
    lines.push(`Read by ${readers.size} node${readers.size === 1 ? '' : 's'}: ${shown.join(', ')}${more}.`);
  }
  if (entry.graph?.outputs.some(({ name }) => name.text === entry.name)) lines.push('Graph output.');
  return lines.join('\n\n');
}

async function operatorMarkdown(document: LanguageDocument, node: NodeSyntax): Promise<string> {
  const { names } = document;
  const own = names.functions.get(functionKeyOf(node.domain, node.operator.text, node.overload));
  const lines: string[] = [];
  const name = node.operator.text;
  if (own) lines.push(code(functionText(own)), 'Function of this model.');
  else {
    const opset = opsetOf(document, node.domain);
    const signature = signatureOf(node.domain, name, opset);
    lines.push(
      code(signature ? signatureText(signature) : `${node.domain === '' ? '' : `${node.domain}.`}${name}`),
    );
    const words = operatorWords(node.domain, name);
    if (words !== undefined) lines.push(plain(words));
    const link = documentationOf(node.domain, name);
    const set = node.domain === '' ? 'ai.onnx' : node.domain;
    const facts = [
      plain(set),
      ...(signature && node.domain === 'com.microsoft'
        ? [`as ONNX Runtime ${plain(contribRelease)} has it`]
        : signature
          ? [`this form since version ${signature.since}`]
          : []),
      ...(opset === undefined ? [] : [`the model uses ${opset}`]),
      ...(link === undefined ? [] : [`[specification](${link})`]),
    ];
    lines.push(facts.join(' · '));
  }
  const facts = await document.facts();
  const graph = names.graphOf.get(node);
  if (facts && graph && graph === document.syntax.graph) {
    const macs = facts.macs[graph.nodes.indexOf(node)];
    if (macs !== null && macs !== undefined && macs > 0)
      lines.push(`${macs.toLocaleString('en')} multiply-accumulates where free dimensions are 1.`);
  }
  const outputs: string[] = [];
  const inferred = graph && (await document.inferred(graph));
  for (const mark of node.outputs) {
    const type = inferred && inferredText(typeIn(inferred, mark.text));
    if (type !== undefined && mark.text !== '') outputs.push(`${type} ${nameText(mark.text)}`);
  }
  if (outputs.length > 0) lines.push(code(outputs.join('\n')));
  return lines.join('\n\n');
}

function attributeMarkdown(document: LanguageDocument, node: NodeSyntax, name: string): string | undefined {
  const signature = signatureOf(node.domain, node.operator.text, opsetOf(document, node.domain));
  const found = signature?.attributes.find((each) => each.name === name);
  if (!found) return signature && `${plain(node.operator.text)} has no attribute ${plain(name)}.`;
  const rest = found.required
    ? 'Required.'
    : found.default === undefined
      ? 'Optional.'
      : `${plain(found.default)} when absent.`;
  return `${code(`${found.name}: ${found.type}`)}\n\nAttribute of ${plain(node.operator.text)}. ${rest}`;
}

/** The version of the operator set that the text imports. */
function opsetOf({ syntax }: LanguageDocument, domain: string): number | undefined {
  const wanted = domain === 'ai.onnx' ? '' : domain;
  for (const header of [syntax.header, ...syntax.functions.map((each) => each.header)])
    for (const { value } of header?.fields ?? [])
      if (value.kind === 'versions')
        for (const each of value.value)
          if ((each.domain === 'ai.onnx' ? '' : each.domain) === wanted) return Number(each.version);
  return undefined;
}

function functionText(own: GraphSyntax): string {
  const list = (values: GraphSyntax['inputs']) => values.map(({ name }) => nameText(name.text)).join(', ');
  const domain = headerText(own, 'domain');
  return `${domain === '' ? '' : `${domain}.`}${own.name.text}(${list(own.inputs)}) → ${list(own.outputs)}`;
}

export interface Hint {
  readonly offset: number;
  readonly text: string;
}

/** Inferred types behind the outputs of the nodes between two offsets. */
export async function typeHints(document: LanguageDocument, from: number, to: number): Promise<Hint[]> {
  const hints: Hint[] = [];
  const roots = document.syntax.graph ? [document.syntax.graph] : document.syntax.functions;
  for (const graph of [...document.names.graphs.keys()]) {
    if (graph.end < from || graph.start > to) continue;
    const inferred = await document.inferred(graph);
    if (!inferred && !roots.includes(graph)) continue;
    for (const node of graph.nodes) {
      if (node.end < from) continue;
      if (node.start > to) break;
      for (const mark of node.outputs) {
        const text = inferred && mark.text !== '' && inferredText(typeIn(inferred, mark.text));
        if (text && mark.start >= from && mark.start <= to)
          hints.push({ offset: mark.end, text: `: ${text}` });
      }
    }
  }
  return hints;
}
