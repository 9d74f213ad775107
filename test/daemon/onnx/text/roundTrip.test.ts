// Printing and parsing the textual form: what is printed is read back as the same model, and PyPI's onnx reads our
// text as we do and we read its text. Models of the conformance suite beside the checkout where it is there, else
// made-up ones.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { bodiesOf } from '../../../../daemon/ir/graphIndex';
import type { Graph, Model, Node, Type } from '../../../../daemon/ir/model';
import { decodeModel, readModel } from '../../../../daemon/onnx/readModel';
import { parseText } from '../../../../daemon/onnx/text/parseText';
import { printModel } from '../../../../daemon/onnx/text/printText';
import { toModel } from '../../../../daemon/onnx/text/toModel';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import { conformanceCases } from '../../../support/conformance';
import { decoderModel } from '../../../support/decoderModel';
import { temporaryFolder } from '../../../support/paths';
import { askPython, pythonWith } from '../../../support/pythonEnvironment';
import { modelDifference } from '../../../support/sameModel';
import { squareModel } from '../../../support/smallModels';

const all = { mostValues: 1_000_000 };

/** Without what the textual form has no words for. */
function plain(model: Model): Model {
  model.unknown = undefined as never;
  delete model.unknown;
  model.trainingInfo = [];
  model.configurations = [];
  for (const each of model.opsetImports) delete each.unknown;
  plainGraph(model.graph);
  for (const each of model.functions) {
    each.metadataProps = [];
    each.valueInfo = each.valueInfo.map((info) => ({ ...info, docString: '', metadataProps: [] }));
    each.attributeDefaults.forEach((attribute) => (attribute.docString = ''));
    plainNodes(each.nodes);
  }
  return model;
}

function plainGraph(graph: Graph): void {
  graph.docString = '';
  graph.metadataProps = [];
  graph.quantizationAnnotations = [];
  graph.sparseInitializers = [];
  if (graph.name === '') graph.name = 'graph';
  for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo]) {
    info.docString = '';
    info.metadataProps = [];
    if (info.type) info.type = plainType(info.type);
    if (info.type?.kind === 'none') delete info.type;
  }
  graph.valueInfo = graph.valueInfo.filter(({ type }) => type);
  for (const tensor of graph.initializers) {
    tensor.docString = '';
    tensor.metadataProps = [];
  }
  plainNodes(graph.nodes);
}

function plainType(type: Type): Type {
  const rest: Type = { ...type };
  delete rest.denotation;
  if ((rest.kind === 'sequence' || rest.kind === 'optional') && rest.elem)
    return { ...rest, elem: plainType(rest.elem) };
  if (rest.kind === 'map' && rest.valueType) return { ...rest, valueType: plainType(rest.valueType) };
  if ((rest.kind !== 'tensor' && rest.kind !== 'sparseTensor') || !rest.shape) return rest;
  return {
    ...rest,
    shape: rest.shape.map(({ value, param }) =>
      value !== undefined ? { value } : param === undefined || param === '' ? {} : { param },
    ),
  };
}

function plainNodes(nodes: readonly Node[]): void {
  for (const node of nodes) {
    node.docString = '';
    node.metadataProps = [];
    node.deviceConfigurations = [];
    node.attributes = node.attributes.filter(({ type }) => !type.startsWith('SPARSE'));
    for (const attribute of node.attributes) {
      attribute.docString = '';
      if (attribute.refAttrName) delete (attribute as { value?: unknown }).value;
      if (attribute.refAttrName === '') delete attribute.refAttrName;
      if (attribute.type === 'TENSOR') {
        attribute.value.docString = '';
        if (!/^[A-Za-z_]\w*$/.test(attribute.value.name)) attribute.value.name = '';
      }
      if (attribute.type === 'TYPE_PROTO') attribute.value = plainType(attribute.value);
    }
    bodiesOf(node).forEach(plainGraph);
  }
}

function back(text: string, name: string): Model {
  const syntax = parseText(text);
  assert.deepEqual(syntax.problems, [], name);
  const { model, problems } = toModel(syntax);
  assert.deepEqual(problems, [], name);
  return model;
}

/** Models by name: a tenth of the conformance suite, and our own. */
async function models(): Promise<[string, Model][]> {
  const found: [string, Model][] = [
    ['square', squareModel()],
    ['decoder', decoderModel(300)],
  ];
  const step = Number(process.env['TEXT_STEP'] ?? 10);
  for (const [at, { name, model: path }] of (conformanceCases() ?? []).entries()) {
    if (at % step !== 0 || name.startsWith('light/')) continue;
    const { model } = await readModel(path, silentTask);
    if (model) found.push([name, model]);
  }
  return found;
}

test('what is printed is read back as the same model', async () => {
  for (const [name, model] of await models()) {
    const text = await printModel(model, all, silentTask);
    const difference = await modelDifference(plain(model), plain(back(text, name)));
    assert.equal(difference, undefined, name);
  }
});

const reference = `
import json, sys, onnx, onnx.parser, onnx.printer
answers = []
for job in json.load(sys.stdin):
    try:
        model = onnx.parser.parse_model(open(job['text'], encoding='utf-8').read())
        onnx.save_model(model, job['parsed'])
        answer = {'error': None}
    except Exception as error:
        answer = {'error': str(error)}
    try:
        open(job['printed'], 'w', encoding='utf-8').write(onnx.printer.to_text(onnx.load_model(job['model'], load_external_data=False)))
    except Exception as error:
        answer['unprinted'] = str(error)
    answers.append(answer)
print(json.dumps(answers))
`;

test("PyPI's onnx reads our text as we do, and we read its text", async (t) => {
  const environment = pythonWith('text-peers', ['onnx==1.23.2']);
  if ('missing' in environment) {
    t.diagnostic(environment.missing);
    return;
  }
  const folder = temporaryFolder();
  const list = await models();
  const jobs: { text: string; parsed: string; model: string; printed: string }[] = [];
  for (const [at, [, model]] of list.entries()) {
    const path = (kind: string) => join(folder, String(at), kind);
    mkdirSync(join(folder, String(at)));
    writeFileSync(path('text'), await printModel(model, all, silentTask));
    await writeModel(model, path('model'), {}, silentTask);
    jobs.push({ text: path('text'), parsed: path('parsed'), model: path('model'), printed: path('printed') });
  }
  const answers = askPython(environment.python, reference, jobs) as {
    error: string | null;
    unprinted?: string;
  }[];
  for (const [at, [name, model]] of list.entries()) {
    assert.equal(answers[at]!.error, null, name);
    const parsed = (await decodeModel(readFileSync(jobs[at]!.parsed))).model!;
    const wanted = plain(model);
    assert.equal(await modelDifference(wanted, plain(parsed)), undefined, name);
    if (answers[at]!.unprinted !== undefined) continue;
    const printed = readFileSync(jobs[at]!.printed, 'utf8');
    if (printed.includes('...')) continue;
    assert.equal(await modelDifference(wanted, plain(back(printed, name))), undefined, `${name}, their text`);
  }
});
