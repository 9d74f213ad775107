// Checks of nodes against the specification of their operator: how many inputs and outputs, which attributes of
// which type, and types that fit together. For ONNX Runtime's own operators the release that Slipway runs takes the
// specification's place; what a newer one may have added is a warning.

import type { Severity } from '../../base/diagnostic';
import { eachInSteps, type Steps } from '../../base/task';
import { DataType } from '../../ir/dataType';
import type { Attribute, Node } from '../../ir/model';
import { contribRelease } from '../operators/contribSchemas';
import { arityOf, operatorSchema, parameterAt, type OperatorSchema } from '../operators/operatorSchema';
import { functionKey } from '../scopes/scopes';
import { typeIn } from '../shapes';
import { unknownType } from '../typeText';
import { called, placeOfNode, quoted } from './findings';
import type { Subject } from './subject';

const contribDomain = 'com.microsoft';

/** How bad it is to have more than is known, and who knows. */
const beyond = (node: Node): { severity: Severity; where: string } =>
  node.domain === contribDomain
    ? { severity: 'warning', where: `in ONNX Runtime ${contribRelease}` }
    : { severity: 'error', where: 'in this operator set' };

const dataTypes: ReadonlySet<number> = new Set(
  Object.values(DataType).filter((type) => type !== DataType.UNDEFINED),
);

/** Attributes that name an element type by its number. */
const isElementType = ({ opType }: Node, attribute: Attribute): attribute is Attribute & { type: 'INT' } =>
  attribute.type === 'INT' && (attribute.name === 'dtype' || (attribute.name === 'to' && opType === 'Cast'));

export function* checkSchemas(subject: Subject): Steps<void> {
  const { graph } = subject.scoped;
  yield* eachInSteps(graph.nodes, (node, index) => {
    const domain = node.domain === 'ai.onnx' ? '' : node.domain;
    if (subject.functions.size > 0 && subject.functions.has(functionKey(domain, node.opType, node.overload)))
      return;
    const version = subject.opsets.get(domain) ?? (domain === contribDomain ? 1 : undefined);
    const schema = version === undefined ? undefined : operatorSchema(domain, node.opType, version);
    if (!schema) return;
    checkCount(subject, node, index, schema, 'input');
    checkCount(subject, node, index, schema, 'output');
    checkAttributes(subject, node, index, schema);
    checkTypes(subject, node, index, schema);
  });
}

function checkCount(
  { findings, scoped }: Subject,
  node: Node,
  index: number,
  schema: OperatorSchema,
  what: 'input' | 'output',
): void {
  const names = what === 'input' ? node.inputs : node.outputs;
  const formal = what === 'input' ? schema.inputs : schema.outputs;
  const { least, most } = arityOf(formal);
  const count = names.findLastIndex((name) => name !== '') + 1;
  const missing = names.slice(0, least).findIndex((name, at) => name === '' && formal[at]?.kind === 'single');
  if (count >= least && names.length <= most && missing < 0) return;
  const wanted =
    most === Infinity ? `at least ${least}` : least === most ? `${least}` : `from ${least} to ${most}`;
  const plural = wanted === '1' || wanted === 'at least 1' ? '' : 's';
  const has =
    missing >= 0 && count >= least && names.length <= most
      ? `${what} ${missing + 1} is left out`
      : `it has ${names.length > most ? names.length : count}`;
  findings.add(
    names.length > most ? beyond(node).severity : 'error',
    what === 'input' ? 'operator/inputs' : 'operator/outputs',
    `${called(node, index)}: ${node.opType} has ${wanted} ${what}${plural}, and ${has}.`,
    placeOfNode(scoped.path, node, index),
  );
}

function checkAttributes(
  { findings, scoped }: Subject,
  node: Node,
  index: number,
  schema: OperatorSchema,
): void {
  const where = placeOfNode(scoped.path, node, index);
  const name = called(node, index);
  const given = new Set<string>();
  for (const attribute of node.attributes) {
    given.add(attribute.name);
    const formal = schema.attributes.get(attribute.name);
    if (!formal) {
      const { severity, where: known } = beyond(node);
      findings.add(
        severity,
        'operator/unknown-attribute',
        `${name}: ${node.opType} has no attribute ${quoted(attribute.name)} ${known}.`,
        where,
      );
    } else if (formal.type !== attribute.type && attribute.type !== 'UNDEFINED') {
      findings.add(
        'error',
        'operator/attribute-type',
        `${name}: the attribute ${quoted(attribute.name)} is ${attribute.type}, and ${node.opType} wants ${formal.type}.`,
        where,
      );
    } else if (isElementType(node, attribute) && !dataTypes.has(Number(attribute.value))) {
      findings.add(
        'error',
        'operator/attribute-type',
        `${name}: the attribute ${quoted(attribute.name)} is ${attribute.value}, and no element type has that number.`,
        where,
      );
    }
  }
  for (const formal of schema.attributes.values()) {
    if (!formal.isRequired || given.has(formal.name)) continue;
    findings.add(
      'error',
      'operator/missing-attribute',
      `${name}: ${node.opType} needs the attribute ${quoted(formal.name)}.`,
      where,
    );
  }
}

function checkTypes(
  { findings, scoped, types }: Subject,
  node: Node,
  index: number,
  schema: OperatorSchema,
): void {
  if (!types) return;
  /** What a type variable stands for, by the first input that says so. */
  const meaning = new Map<string, { dtype: string; input: string }>();
  for (const [position, input] of node.inputs.entries()) {
    const formal = input === '' ? undefined : parameterAt(schema.inputs, position);
    const dtype = formal && typeIn(types, input)?.dtype;
    if (!formal || dtype === undefined || dtype === unknownType || dtype.startsWith('sparse_')) continue;
    const report = (message: string) => {
      findings.add('error', 'operator/type', message, placeOfNode(scoped.path, node, index, input));
    };
    if (!formal.types.has(dtype)) {
      const allowed = [...formal.types];
      const shown = allowed.length > 6 ? `${allowed.slice(0, 5).join(', ')}, …` : allowed.join(', ');
      report(`${called(node, index)}: ${node.opType} takes no ${dtype} as input ${position + 1} (${shown}).`);
      return;
    }
    if (formal.variable === '' || !formal.isUniform) continue;
    const before = meaning.get(formal.variable);
    if (before === undefined) meaning.set(formal.variable, { dtype, input });
    else if (before.dtype !== dtype) {
      report(
        `${called(node, index)}: ${quoted(before.input)} is ${before.dtype} and ${quoted(input)} is ${dtype}, but ${node.opType} wants one type for both. Put a Cast before it.`,
      );
      return;
    }
  }
}
