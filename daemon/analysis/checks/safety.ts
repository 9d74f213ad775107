// Rules of safety: what a careful reader wants to know before a model is run.

import { eachInSteps, type Steps } from '../../base/task';
import { bitsOf } from '../typeText';
import { elementsOf } from '../shapes/dims';
import { listed, placeOf, quoted, type Findings } from './findings';
import { ruleOf } from './rules';
import { reportNodes, type Subject } from './subject';

/** Protobuf's own limit, less what the rest of a file may need. */
const protobufLimit = 2 ** 31 - 2 ** 26;
const absurdBytes = 64 * 2 ** 30;
const programs: ReadonlySet<string> = new Set([
  'PythonOp',
  'PyOp',
  'PyCustomOp',
  'EPContext',
  'ATen',
  'Snpe',
]);

export function checkFileSize(fileBytes: number, findings: Findings): void {
  if (fileBytes < protobufLimit) return;
  findings.add(
    ruleOf('safety/protobuf-limit').severity,
    'safety/protobuf-limit',
    `The file has ${(fileBytes / 2 ** 30).toFixed(2)} GiB; protobuf libraries refuse 2 GiB and more. Save its weights as external data.`,
  );
}

export function* checkPrograms(subject: Subject): Steps<void> {
  const found: number[] = [];
  yield* eachInSteps(subject.scoped.graph.nodes, (node, index) => {
    if (programs.has(node.opType) && node.domain !== '') found.push(index);
  });
  reportNodes(
    subject,
    'safety/code',
    found,
    (first, more) => `${first}${more} runs a program or an engine that cannot be looked into.`,
  );
}

/** Names that would leave a folder if somebody made files of them. */
export function* checkNames({ scoped, findings }: Subject): Steps<void> {
  const odd: string[] = [];
  const see = (name: string) => {
    if (odd.length < 4 && /(^|[\\/])\.\.([\\/]|$)|^[A-Za-z]:[\\/]|\0/.test(name)) odd.push(name);
  };
  yield* eachInSteps(scoped.graph.nodes, (node) => {
    see(node.name);
    node.outputs.forEach(see);
  });
  yield* eachInSteps(scoped.graph.initializers, ({ name }) => see(name));
  if (odd.length === 0) return;
  findings.add(
    ruleOf('graph/scope-name').severity,
    'graph/scope-name',
    `Names look like paths that lead elsewhere: ${listed(odd.map((name) => name.replaceAll('\0', '␀')))}.`,
    placeOf(scoped.path),
  );
}

/** Values whose known size no machine holds. */
export function* checkHugeValues(subject: Subject): Steps<void> {
  const { types } = subject;
  if (!types) return;
  const found: number[] = [];
  let bytes = 0;
  let value = '';
  yield* eachInSteps(subject.scoped.graph.nodes, (node, index) => {
    for (const name of node.outputs) {
      const type = name === '' ? undefined : types.types.get(name);
      const elements = elementsOf(type?.dims);
      const size = ((elements ?? 0) * ((type && bitsOf(type.dtype)) ?? 8)) / 8;
      if (size < absurdBytes) continue;
      found.push(index);
      if (size > bytes) [bytes, value] = [size, name];
    }
  });
  reportNodes(
    subject,
    'safety/huge-value',
    found,
    (first, more) =>
      `${first}${more} gives a value of ${Number((bytes / 1e9).toPrecision(3)).toLocaleString('en')} GB (${quoted(value)}).`,
  );
}
