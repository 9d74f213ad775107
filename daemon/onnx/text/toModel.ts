// Syntax tree → IR. What the text states twice or wrongly becomes a problem with its place; the rest is kept.

import { eachInSteps, inOneGo, type Steps } from '../../base/task';
import type {
  Attribute,
  Dimension,
  FunctionDef,
  Graph,
  Model,
  Node,
  StringEntry,
  Type,
  ValueInfo,
} from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { Unexpected } from './scanner';
import type {
  AttributeSyntax,
  AttributeValueSyntax,
  DataSyntax,
  GraphSyntax,
  HeaderSyntax,
  NodeSyntax,
  Span,
  SyntaxProblem,
  TextSyntax,
  ValueSyntax,
} from './syntax';
import { tensorLiterals } from './tensorLiterals';

const utf8 = new TextEncoder();

export interface TextModel {
  readonly model: Model;
  readonly problems: readonly SyntaxProblem[];
}

/** The model that a text states; a text of one graph alone gives a model without operator sets. */
export const toModel = (syntax: TextSyntax): TextModel => inOneGo(buildingModel(syntax));

/** The same in steps. */
export function* buildingModel(syntax: TextSyntax): Steps<TextModel> {
  const problems: SyntaxProblem[] = [];
  const build = new Builder(syntax.text, problems);
  return { model: yield* build.model(syntax), problems };
}

class Builder {
  constructor(
    private readonly text: string,
    private readonly problems: SyntaxProblem[],
  ) {}

  *model({ header, graph, functions }: TextSyntax): Steps<Model> {
    const model: Model = {
      irVersion: 0,
      opsetImports: [],
      producerName: '',
      producerVersion: '',
      domain: '',
      modelVersion: 0n,
      docString: '',
      graph: graph ? yield* this.graph(graph) : emptyGraph(''),
      metadataProps: [],
      trainingInfo: [],
      functions: functions.map((each) => this.functionDef(each)),
      configurations: [],
    };
    for (const { name, value, start, end } of header?.fields ?? []) {
      if (name.text === 'opset_import' && value.kind === 'versions')
        model.opsetImports = versions(value.value);
      else if (name.text === 'metadata_props' && value.kind === 'entries')
        model.metadataProps = value.value.map((entry) => ({ ...entry }));
      else if (name.text === 'ir_version' && value.kind === 'number') model.irVersion = Number(value.value);
      else if (name.text === 'model_version' && value.kind === 'number') model.modelVersion = value.value;
      else if (value.kind === 'text' && Object.hasOwn(textFields, name.text))
        model[textFields[name.text]!] = value.value;
      else
        this.problem(`${name.text} is no field of a model's header, or has another kind of value.`, {
          start,
          end,
        });
    }
    return model;
  }

  private problem(message: string, { start, end }: Span): void {
    this.problems.push({ message, start, end });
  }

  private *graph(syntax: GraphSyntax): Steps<Graph> {
    const graph = emptyGraph(syntax.name.text);
    for (const each of syntax.inputs) {
      graph.inputs.push(valueInfo(each));
      if (each.data) this.initializer(graph, each, each.data);
    }
    graph.outputs = syntax.outputs.map(valueInfo);
    yield* eachInSteps(syntax.values, (each) => {
      if (each.data) this.initializer(graph, each, each.data);
      else graph.valueInfo.push(valueInfo(each));
    });
    yield* eachInSteps(syntax.nodes, (each) => graph.nodes.push(this.node(each)));
    return graph;
  }

  private initializer(graph: Graph, { type, name, start, end }: ValueSyntax, data: DataSyntax): void {
    if (type) graph.initializers.push(this.tensor(name.text, type, data, { start, end: name.end }));
    else this.problem(`The initializer ${name.text} needs a type.`, { start, end });
  }

  private tensor(name: string, type: Type, data: DataSyntax | undefined, at: Span): Tensor {
    const tensor: Tensor = {
      name,
      dataType: type.kind === 'tensor' ? type.elemType : 0,
      dims: [],
      storage: { kind: 'none' },
      docString: '',
      metadataProps: [],
    };
    if (type.kind !== 'tensor' || !type.shape) {
      this.problem('A tensor needs an element type and all of its dimensions, such as float[2,3].', at);
      return tensor;
    }
    for (const { value } of type.shape) {
      if (value === undefined || value < 0)
        this.problem('The dimensions of a tensor with values are numbers.', at);
      tensor.dims.push(Math.max(0, value ?? 0));
    }
    if (data?.form === 'external')
      tensor.storage = { kind: 'external', entries: data.entries.map((entry) => ({ ...entry })) };
    else if (data) {
      try {
        tensor.storage = tensorLiterals(this.text, data, tensor.dataType, tensor.dims);
      } catch (error) {
        if (!(error instanceof Unexpected)) throw error;
        this.problem(error.message, error);
      }
    }
    return tensor;
  }

  private node(syntax: NodeSyntax): Node {
    return {
      name: syntax.label?.text ?? '',
      opType: syntax.operator.text,
      domain: syntax.domain,
      overload: syntax.overload,
      inputs: syntax.inputs.map(({ text }) => text),
      outputs: syntax.outputs.map(({ text }) => text),
      attributes: syntax.attributes.flatMap((each) => this.attribute(each) ?? []),
      docString: '',
      metadataProps: [],
      deviceConfigurations: [],
    };
  }

  private attribute(syntax: AttributeSyntax): Attribute | undefined {
    const { name, type, value } = syntax;
    if (!value) return undefined;
    const base = { name: name.text, docString: '' };
    const stated = type?.text.toUpperCase();
    if (value.kind === 'reference') return { ...withoutValue(stated), ...base, refAttrName: value.name.text };
    const made = value.kind === 'list' ? this.list(value.items, stated, value) : this.single(value, stated);
    if (!made) return undefined;
    if (stated !== undefined && made.type !== stated && stated !== 'UNDEFINED')
      this.problem(
        `${name.text} is stated as ${type!.text}, but its value is ${made.type.toLowerCase()}.`,
        value,
      );
    return { ...made, ...base };
  }

  private single(value: AttributeValueSyntax, stated: string | undefined): AttributePart | undefined {
    switch (value.kind) {
      case 'int':
        if (stated === 'FLOAT') return { type: 'FLOAT', value: Math.fround(Number(value.value)) };
        return { type: 'INT', value: value.value };
      case 'float':
        return { type: 'FLOAT', value: Math.fround(value.value) };
      case 'string':
        return { type: 'STRING', value: utf8.encode(value.value) };
      case 'tensor':
        return { type: 'TENSOR', value: this.tensor(value.name, value.type, value.data, value) };
      case 'type':
        return { type: 'TYPE_PROTO', value: value.type };
      case 'graph':
        return { type: 'GRAPH', value: inOneGo(this.graph(value.graph)) };
      case 'reference':
      case 'list':
        this.problem('A list may not stand in a list.', value);
        return undefined;
    }
  }

  private list(
    items: readonly AttributeValueSyntax[],
    stated: string | undefined,
    at: Span,
  ): AttributePart | undefined {
    if (items.length === 0) {
      const empty = stated === undefined ? undefined : emptyList(stated);
      if (!empty) this.problem('An empty list needs a type: "name: ints = []".', at);
      return empty;
    }
    const floats = stated === 'FLOATS' || items.some(({ kind }) => kind === 'float');
    const parts = items.flatMap((each) => this.single(each, floats ? 'FLOAT' : undefined) ?? []);
    const [first] = parts;
    if (!first) return undefined;
    if (parts.some(({ type }) => type !== first.type)) {
      this.problem('The values of a list are all of one kind.', at);
      return undefined;
    }
    const values = parts.map((each) => ('value' in each ? each.value : undefined));
    return { type: `${first.type}S`, value: values } as AttributePart;
  }

  private functionDef(syntax: GraphSyntax): FunctionDef {
    const info = [...syntax.inputs, ...syntax.outputs, ...syntax.values].filter(({ type }) => type);
    const made: FunctionDef = {
      name: syntax.name.text,
      domain: '',
      overload: '',
      inputs: syntax.inputs.map(({ name }) => name.text),
      outputs: syntax.outputs.map(({ name }) => name.text),
      attributes: syntax.attributes.filter(({ value }) => !value).map(({ name }) => name.text),
      attributeDefaults: syntax.attributes.flatMap((each) => this.attribute(each) ?? []),
      nodes: syntax.nodes.map((each) => this.node(each)),
      docString: '',
      opsetImports: [],
      valueInfo: info.map(valueInfo),
      metadataProps: [],
    };
    this.functionHeader(made, syntax.header);
    return made;
  }

  private functionHeader(made: FunctionDef, header: HeaderSyntax | undefined): void {
    for (const { name, value, start, end } of header?.fields ?? []) {
      if (name.text === 'opset_import' && value.kind === 'versions')
        made.opsetImports = versions(value.value);
      else if (value.kind === 'text' && name.text === 'domain') made.domain = value.value;
      else if (value.kind === 'text' && name.text === 'overload') made.overload = value.value;
      else if (value.kind === 'text' && name.text === 'doc_string') made.docString = value.value;
      else
        this.problem(`${name.text} is no field of a function's header, or has another kind of value.`, {
          start,
          end,
        });
    }
  }
}

/** An attribute's type and value, without its name. */
type AttributePart = Attribute extends infer Each
  ? Each extends Attribute
    ? Omit<Each, 'name' | 'docString'>
    : never
  : never;

const textFields: Readonly<Record<string, 'producerName' | 'producerVersion' | 'domain' | 'docString'>> = {
  producer_name: 'producerName',
  producer_version: 'producerVersion',
  domain: 'domain',
  doc_string: 'docString',
};

const versions = (list: readonly { domain: string; version: bigint }[]) =>
  list.map(({ domain, version }) => ({ domain, version: Number(version) }));

const noEntries: readonly StringEntry[] = [];

const valueInfo = ({ type, name }: ValueSyntax): ValueInfo => ({
  name: name.text,
  ...(type ? { type: copyType(type) } : {}),
  docString: '',
  metadataProps: [...noEntries],
});

/** A type that shares no dimension with the tree. */
const copyType = (type: Type): Type =>
  (type.kind === 'tensor' || type.kind === 'sparseTensor') && type.shape
    ? { ...type, shape: type.shape.map((dim): Dimension => ({ ...dim })) }
    : type;

const emptyGraph = (name: string): Graph => ({
  name,
  docString: '',
  nodes: [],
  inputs: [],
  outputs: [],
  valueInfo: [],
  initializers: [],
  sparseInitializers: [],
  quantizationAnnotations: [],
  metadataProps: [],
});

const lists: readonly string[] = [
  'FLOATS', 'INTS', 'STRINGS', 'TENSORS', 'GRAPHS', 'SPARSE_TENSORS', 'TYPE_PROTOS',
]; // prettier-ignore

const emptyList = (type: string): AttributePart | undefined =>
  lists.includes(type) ? ({ type, value: [] } as unknown as AttributePart) : undefined;

const utf8Empty = new Uint8Array(0);

/** The value of an attribute that takes it from the function's caller: nothing of the stated type. */
function withoutValue(type: string | undefined): AttributePart {
  if (type === undefined) return { type: 'UNDEFINED' };
  const list = emptyList(type);
  if (list) return list;
  if (type === 'INT') return { type, value: 0n };
  if (type === 'FLOAT') return { type, value: 0 };
  if (type === 'STRING') return { type, value: utf8Empty };
  return { type: 'UNDEFINED' };
}
