// IR → ONNX's textual form, laid out to be read: one initializer and one node a line, bodies indented. What the form
// has no words for (sparse values, documentation of nodes, device configurations) is left out, and said in a comment
// where it is part of what the model computes.

import { breathe, type Task } from '../../base/task';
import { dataTypeName } from '../../ir/dataType';
import type { Attribute, FunctionDef, Graph, Model, Node, OpsetImport, ValueInfo } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { floatLiteral, nameText, quotedText, valuesText, type ValuesOptions } from './printTensor';
import { typeWords } from './printType';

const utf8 = new TextDecoder();

/** The whole model: header, main graph with its bodies, functions. */
export async function printModel(model: Model, options: ValuesOptions, task: Task): Promise<string> {
  const printer = new Printer(options, task);
  printer.header(model);
  await printer.graph(model.graph, '');
  for (const each of model.functions) {
    printer.line('');
    await printer.functionDef(each);
  }
  return printer.text();
}

/** One graph without a header. */
export async function printGraph(graph: Graph, options: ValuesOptions, task: Task): Promise<string> {
  const printer = new Printer(options, task);
  await printer.graph(graph, '');
  return printer.text();
}

/** One function with its header. */
export async function printFunction(
  definition: FunctionDef,
  options: ValuesOptions,
  task: Task,
): Promise<string> {
  const printer = new Printer(options, task);
  await printer.functionDef(definition);
  return printer.text();
}

class Printer {
  private readonly lines: string[] = [];

  constructor(
    private readonly options: ValuesOptions,
    private readonly task: Task,
  ) {}

  text(): string {
    return `${this.lines.join('\n')}\n`;
  }

  line(text: string): void {
    this.lines.push(text);
  }

  /** Behind the last line. */
  private comma(): void {
    this.lines.push(`${this.lines.pop()},`);
  }

  header(model: Model): void {
    const fields = [
      `ir_version: ${model.irVersion}`,
      `opset_import: ${opsetText(model.opsetImports)}`,
      ...textField('producer_name', model.producerName),
      ...textField('producer_version', model.producerVersion),
      ...textField('domain', model.domain),
      ...(model.modelVersion === 0n ? [] : [`model_version: ${model.modelVersion}`]),
      ...textField('doc_string', model.docString),
      ...(model.metadataProps.length === 0
        ? []
        : [
            `metadata_props: [${model.metadataProps
              .map(({ key, value }) => `${quotedText(key)}: ${quotedText(value)}`)
              .join(', ')}]`,
          ]),
    ];
    this.line(`<\n  ${fields.join(',\n  ')}\n>`);
  }

  async graph(graph: Graph, indent: string): Promise<void> {
    this.line(`${indent}${nameText(graph.name || 'graph')} ${this.signature(graph, indent)}`);
    await this.values(graph, indent);
    await this.body(graph.nodes, indent);
  }

  async functionDef(each: FunctionDef): Promise<void> {
    const fields = [
      `domain: ${quotedText(each.domain)}`,
      ...textField('overload', each.overload),
      `opset_import: ${opsetText(each.opsetImports)}`,
      ...textField('doc_string', each.docString),
    ];
    this.line(`<\n  ${fields.join(',\n  ')}\n>`);
    const notes: string[] = [];
    const defaults: string[] = [];
    for (const attribute of each.attributeDefaults)
      defaults.push(...((await this.attribute(attribute, notes)) ?? []));
    const attributes = [...each.attributes.map(nameText), ...defaults];
    const list = (names: readonly string[]) => `(${names.map(nameText).join(', ')})`;
    this.line(
      `${nameText(each.name)}${attributes.length === 0 ? '' : ` <${attributes.join(', ')}>`} ${list(each.inputs)} => ${list(each.outputs)}`,
    );
    const typed = each.valueInfo.flatMap((info) => typedValue(info) ?? []);
    if (typed.length > 0) this.line(`<\n  ${typed.join(',\n  ')}\n>`);
    await this.body(each.nodes, '');
  }

  private signature({ inputs, outputs }: Graph, indent: string): string {
    const list = (infos: readonly ValueInfo[]) => {
      const texts = infos.map((info) => typedValue(info) ?? nameText(info.name));
      const short = texts.join(', ');
      return short.length <= 100 ? `(${short})` : `(\n${indent}  ${texts.join(`,\n${indent}  `)}\n${indent})`;
    };
    return `${list(inputs)} => ${list(outputs)}`;
  }

  /** Initializers and types of inner values. */
  private async values(graph: Graph, indent: string): Promise<void> {
    const entries: string[] = [];
    for (const tensor of graph.initializers) {
      entries.push(
        `${tensorType(tensor)} ${nameText(tensor.name)} = ${await valuesText(tensor, this.options, this.task)}`,
      );
      await breathe(this.task);
    }
    entries.push(...graph.valueInfo.flatMap((info) => typedValue(info) ?? []));
    if (entries.length > 0) this.line(`${indent}<\n${indent}  ${entries.join(`,\n${indent}  `)}\n${indent}>`);
    for (const { values, dims } of graph.sparseInitializers)
      this.line(
        `${indent}# left out: sparse ${dataTypeName(values.dataType)}[${dims.join(',')}] ${nameText(values.name)}`,
      );
  }

  private async body(nodes: readonly Node[], indent: string): Promise<void> {
    this.line(`${indent}{`);
    for (const node of nodes) {
      await this.node(node, `${indent}  `);
      await breathe(this.task);
    }
    this.line(`${indent}}`);
  }

  private async node(node: Node, indent: string): Promise<void> {
    const notes: string[] = [];
    const simple: string[] = [];
    const bodies: { name: string; graphs: readonly Graph[]; list: boolean }[] = [];
    for (const attribute of node.attributes) {
      const { name, type } = attribute;
      if (type === 'GRAPH') bodies.push({ name, graphs: [attribute.value], list: false });
      else if (type === 'GRAPHS') bodies.push({ name, graphs: attribute.value, list: true });
      else simple.push(...((await this.attribute(attribute, notes)) ?? []));
    }
    const label = node.name === '' ? '' : `[${nameText(node.name)}] `;
    const domain = node.domain === '' ? '' : `${node.domain}.`;
    const overload = node.overload === '' ? '' : `:${node.overload}`;
    const head = `${indent}${label}${list(node.outputs)} = ${domain}${node.opType}${overload}`;
    const inputs = ` (${list(node.inputs)})`;
    const note = notes.length === 0 ? '' : `  # ${notes.join('; ')}`;
    if (bodies.length === 0) {
      const attributes = simple.length === 0 ? '' : ` <${simple.join(', ')}>`;
      this.line(`${head}${attributes}${inputs}${note}`);
      return;
    }
    this.line(`${head}${inputs} <${note}`);
    const deeper = `${indent}  `;
    for (const each of simple) this.line(`${deeper}${each}${bodies.length > 0 ? ',' : ''}`);
    for (const [at, { name, graphs, list: isList }] of bodies.entries()) {
      await this.bodies(name, graphs, isList, deeper);
      if (at < bodies.length - 1) this.comma();
    }
    this.line(`${indent}>`);
  }

  private async bodies(
    name: string,
    graphs: readonly Graph[],
    isList: boolean,
    indent: string,
  ): Promise<void> {
    const typed = graphs.length === 0 ? ': graphs' : '';
    if (isList) this.line(`${indent}${name}${typed} = [`);
    for (const [at, graph] of graphs.entries()) {
      const first = this.lines.length;
      await this.graph(graph, isList ? `${indent}  ` : indent);
      if (!isList) this.lines[first] = `${indent}${name} = ${this.lines[first]!.trimStart()}`;
      else if (at < graphs.length - 1) this.comma();
    }
    if (isList) this.line(`${indent}]`);
  }

  /** `name = value` in a list of one; undefined, with a note, where the form has no words for it. */
  private async attribute(attribute: Attribute, notes: string[]): Promise<readonly string[] | undefined> {
    const { name, type, refAttrName } = attribute;
    if (refAttrName !== undefined && refAttrName !== '') {
      const stated = type === 'UNDEFINED' ? '' : `: ${type.toLowerCase()}`;
      return [`${name}${stated} = @${nameText(refAttrName)}`];
    }
    if (type === 'GRAPH' || type === 'GRAPHS') {
      notes.push(`body ${name} left out`);
      return undefined;
    }
    const value = await this.attributeValue(attribute);
    if (value === undefined) {
      notes.push(`${type.toLowerCase()} ${name} left out`);
      return undefined;
    }
    return [value === '[]' ? `${name}: ${type.toLowerCase()} = []` : `${name} = ${value}`];
  }

  private async attributeValue(attribute: Attribute): Promise<string | undefined> {
    switch (attribute.type) {
      case 'INT':
        return String(attribute.value);
      case 'INTS':
        return `[${attribute.value.join(', ')}]`;
      case 'FLOAT':
        return floatLiteral(attribute.value);
      case 'FLOATS':
        return `[${attribute.value.map(floatLiteral).join(', ')}]`;
      case 'STRING':
        return quotedText(utf8.decode(attribute.value));
      case 'STRINGS':
        return `[${attribute.value.map((each) => quotedText(utf8.decode(each))).join(', ')}]`;
      case 'TENSOR':
        return this.tensor(attribute.value);
      case 'TENSORS': {
        const texts: string[] = [];
        for (const each of attribute.value) texts.push(await this.tensor(each));
        return `[${texts.join(', ')}]`;
      }
      case 'TYPE_PROTO':
        return typeWords(attribute.value);
      case 'TYPE_PROTOS': {
        const texts = attribute.value.map((each) => typeWords(each));
        return texts.includes(undefined) ? undefined : `[${texts.join(', ')}]`;
      }
      default:
        return undefined;
    }
  }

  private async tensor(tensor: Tensor): Promise<string> {
    const name = /^[A-Za-z_]\w*$/.test(tensor.name) ? ` ${tensor.name}` : '';
    const values = await valuesText(tensor, this.options, this.task);
    return `${tensorType(tensor)}${name}${values.startsWith('{') && name === '' ? ' ' : ' = '}${values}`;
  }
}

const list = (names: readonly string[]) => names.map(nameText).join(', ');

const tensorType = ({ dataType, dims }: Tensor) =>
  `${dataTypeName(dataType)}${dims.length === 0 ? '' : `[${dims.join(',')}]`}`;

/** `float[N] x`; undefined without a type. */
function typedValue({ type, name }: ValueInfo): string | undefined {
  const words = typeWords(type);
  return words === undefined ? undefined : `${words} ${nameText(name)}`;
}

const opsetText = (imports: readonly OpsetImport[]) =>
  `[${imports.map(({ domain, version }) => `${quotedText(domain)} : ${version}`).join(', ')}]`;

const textField = (name: string, value: string): string[] =>
  value === '' ? [] : [`${name}: ${quotedText(value)}`];
