// Checks of operators: known at the operator set that the model imports, and imports that are there at all.

import { eachInSteps, type Steps } from '../../base/task';
import type { Model, OpsetImport } from '../../ir/model';
import { contribRelease } from '../operators/contribSchemas';
import { operatorSchema } from '../operators/operatorSchema';
import { isSpecifiedDomain, operatorStanding, similarOperator } from '../operators/operatorTable';
import { newestOpset } from '../operators/operators';
import { functionKey, type ScopedGraph } from '../scopes/scopes';
import { called, type Findings, placeOf, placeOfNode, quoted } from './findings';

const standard = (domain: string) => (domain === 'ai.onnx' ? '' : domain);
const shownDomain = (domain: string) => (domain === '' ? 'ai.onnx' : domain);

export function checkImports(imports: readonly OpsetImport[], scope: string, findings: Findings): void {
  const seen = new Map<string, number>();
  for (const { domain, version } of imports) {
    const name = standard(domain);
    const before = seen.get(name);
    if (before !== undefined && before !== version) {
      findings.add(
        'error',
        'opset/twice',
        `The operator set ${quoted(shownDomain(name))} is imported at versions ${before} and ${version}; only one can hold.`,
        placeOf(scope),
      );
    }
    seen.set(name, version);
    if (version < 1) {
      findings.add(
        'error',
        'opset/version',
        `The operator set ${quoted(shownDomain(name))} is imported at version ${version}, which does not exist.`,
        placeOf(scope),
      );
    }
    const newest = Object.hasOwn(newestOpset, name) ? newestOpset[name]! : Infinity;
    if (version > newest) {
      findings.add(
        'info',
        'opset/newer',
        `Version ${version} of ${quoted(shownDomain(name))} is newer than the newest that Slipway knows (${newest}).`,
        placeOf(scope),
      );
    }
  }
}

/** The name that is meant, where it is near enough. */
function hint(domain: string, name: string): string {
  const near = similarOperator(domain, name);
  return near === undefined ? '' : ` Is ${quoted(near)} meant?`;
}

/** One finding per operator type and graph: the first node that uses it stands for all. */
export function* checkOperators(
  { graph, path, functionDef }: ScopedGraph,
  model: Model,
  functions: ReadonlySet<string>,
  findings: Findings,
): Steps<void> {
  const imports = functionDef?.opsetImports ?? model.opsetImports;
  const versions = new Map(imports.map((each) => [standard(each.domain), each.version]));
  const seen = new Set<string>();
  yield* eachInSteps(graph.nodes, (node, index) => {
    const domain = standard(node.domain);
    const key = functionKey(domain, node.opType, node.overload);
    if (seen.has(key)) return;
    seen.add(key);
    if (functions.has(key)) return;
    const version = versions.get(domain);
    const where = placeOfNode(path, node, index);
    const name = called(node, index);
    if (domain === 'com.microsoft' && !operatorSchema(domain, node.opType, 1)) {
      findings.add(
        'warning',
        'operator/unknown',
        `${name}: ONNX Runtime ${contribRelease} has no operator ${quoted(`${domain}.${node.opType}`)}; another release or build of it may.${hint(domain, node.opType)}`,
        where,
      );
      return;
    }
    if (!isSpecifiedDomain(domain)) {
      if (version === undefined) {
        findings.add(
          // ONNX Runtime takes its own operators without an import.
          domain === 'com.microsoft' ? 'info' : 'warning',
          'operator/unknown-domain',
          `${name} uses ${quoted(`${domain}.${node.opType}`)}, and the model neither imports that domain nor defines the operator as a function.`,
          where,
        );
      }
      return;
    }
    if (version === undefined) {
      findings.add(
        'error',
        'opset/missing',
        `${name} uses ${quoted(node.opType)}, but the model imports no operator set for ${quoted(shownDomain(domain))}.`,
        where,
      );
      return;
    }
    const standing = operatorStanding(domain, node.opType, version);
    const set = `opset ${version}${domain === '' ? '' : ` of ${domain}`}`;
    if (standing.kind === 'later') {
      findings.add(
        'error',
        'operator/not-in-opset',
        `${name}: ${node.opType} is not in ${set}: it came with opset ${standing.since}. Convert the model to a newer opset.`,
        where,
      );
    } else if (standing.kind === 'retired') {
      findings.add(
        'warning',
        'operator/retired',
        `${name}: ${node.opType} was retired in opset ${standing.since}, and the model uses ${set}.`,
        where,
      );
    } else if (standing.kind === 'experimental') {
      findings.add(
        'warning',
        'operator/experimental',
        `${name}: ${node.opType} is an experimental operator that ONNX removed; few runtimes still have it.`,
        where,
      );
    } else if (standing.kind === 'unknown') {
      findings.add(
        'error',
        'operator/unknown',
        `${name}: there is no operator ${quoted(node.opType)} in ${set}.${hint(domain, node.opType)}`,
        where,
      );
    }
  });
}
