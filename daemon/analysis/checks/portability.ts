// Rules of portability: what a model asks of a runtime beyond the standard.

import { eachInSteps, type Steps } from '../../base/task';
import { intAttribute } from '../../ir/attributes';
import type { Model } from '../../ir/model';
import { isSpecifiedDomain } from '../operators/operatorTable';
import { functionKey } from '../scopes/scopes';
import { freeInputs } from '../summary';
import { shapeOfType, typeText } from '../typeText';
import { listed, quoted, type Findings } from './findings';
import { ruleOf } from './rules';
import { isStandard, opsetsOf, reportNodes, type Subject } from './subject';

/** Below this there is no quantization by channel. */
const oldOpset = 13;
/** Newest IR version that released runtimes read. */
const newestIr = 13;

const runtimeDomains: ReadonlySet<string> = new Set([
  'com.microsoft',
  'com.microsoft.nchwc',
  'com.ms.internal.nhwc',
]);

/** What the model as a whole asks for. */
export function checkPortability(model: Model, findings: Findings): void {
  const opset = opsetsOf(model.opsetImports).get('');
  const add = (id: Parameters<typeof ruleOf>[0], message: string, value?: string) => {
    findings.add(ruleOf(id).severity, id, message, value === undefined ? undefined : { value });
  };
  if (opset !== undefined && opset >= 1 && opset < oldOpset) {
    add(
      'portability/opset-old',
      `The model uses opset ${opset}; quantization by channel wants opset ${oldOpset} or newer.`,
    );
  }
  if (model.irVersion < 1)
    add('portability/ir-version', 'The model states no IR version; some runtimes refuse it.');
  else if (model.irVersion > newestIr) {
    add(
      'portability/ir-version',
      `The model states IR version ${model.irVersion}, which released runtimes (up to ${newestIr}) refuse.`,
    );
  } else if (model.functions.length > 0 && model.irVersion < 8) {
    add(
      'portability/ir-version',
      `The model has functions, which came with IR version 8, and states IR version ${model.irVersion}.`,
    );
  }
  if (model.trainingInfo.length > 0) {
    add(
      'portability/training',
      'The model carries training information; inference runtimes ignore it or refuse it.',
    );
  }
  for (const input of freeInputs(model.graph)) {
    if (input.type?.kind === 'tensor' && shapeOfType(input.type) === null) {
      add('portability/unknown-rank', `The input ${quoted(input.name)} states no shape.`, input.name);
    }
  }
  const odd = [...freeInputs(model.graph), ...model.graph.outputs].filter(
    ({ type }) => type !== undefined && type.kind !== 'tensor' && type.kind !== 'none',
  );
  if (odd[0]) {
    add(
      'portability/deprecated-data',
      `${quoted(odd[0].name)} is ${typeText(odd[0].type)}${odd.length > 1 ? ` (and ${odd.length - 1} more like it)` : ''}; most servers and accelerators take tensors alone.`,
      odd[0].name,
    );
  }
}

/** What the operators of one graph ask for. */
export function* checkOperatorDomains(subject: Subject): Steps<void> {
  const { graph } = subject.scoped;
  const custom: number[] = [];
  const contrib: number[] = [];
  const training: number[] = [];
  const domains = new Set<string>();
  yield* eachInSteps(graph.nodes, (node, index) => {
    if (
      subject.functions.size > 0 &&
      subject.functions.has(functionKey(node.domain, node.opType, node.overload))
    )
      return;
    const domain = node.domain === 'ai.onnx' ? '' : node.domain;
    if (runtimeDomains.has(domain)) contrib.push(index);
    else if (!isSpecifiedDomain(domain) && subject.opsets.has(domain)) {
      custom.push(index);
      domains.add(domain);
    }
    if (isStandard(node, 'BatchNormalization') && intAttribute(node, 'training_mode', 0) !== 0)
      training.push(index);
    if (isStandard(node, 'Dropout')) {
      const mode = subject.types?.values.get(node.inputs[2] ?? '')?.[0];
      if (mode === 1) training.push(index);
    }
  });
  reportNodes(
    subject,
    'portability/custom-operators',
    custom,
    (first, more) =>
      `${first}${more} needs a library of custom operators (${listed([...domains])}) beside the model.`,
  );
  reportNodes(
    subject,
    'portability/contrib-operators',
    contrib,
    (first, _, count) =>
      `${count === 1 ? `${first} is an operator` : `${count} nodes, ${first} the first, are operators`} of ONNX Runtime; other runtimes mostly refuse the model.`,
  );
  reportNodes(
    subject,
    'portability/training',
    training,
    (first, more) => `${first}${more} is in training mode: results change from run to run.`,
  );
}
