// Looking operators up: is this one defined at that opset, and if not, why not.

import { operatorsOf } from '../language/signature';
import { newestOpset, operatorVersions } from './operators';

const tables = new Map<string, ReadonlyMap<string, readonly number[]>>();

function tableOf(domain: string): ReadonlyMap<string, readonly number[]> | undefined {
  const known = tables.get(domain);
  if (known) return known;
  const text = Object.hasOwn(operatorVersions, domain) ? operatorVersions[domain] : undefined;
  if (text === undefined) return undefined;
  const table = new Map(
    text.split(' ').map((entry): [string, number[]] => {
      const [name = '', versions = ''] = entry.split(':');
      return [name, versions.split(',').map(Number)];
    }),
  );
  tables.set(domain, table);
  return table;
}

/** Operators that early ONNX files use and that no released operator set defines; some runtimes still run them. */
const experimental = new Set([
  'ATen', 'Affine', 'ConstantFill', 'Crop', 'DynamicSlice', 'GRUUnit', 'GivenTensorFill', 'ImageScaler',
  'ParametricSoftplus', 'Scale', 'ScaledTanh',
]); // prettier-ignore

export type OperatorStanding =
  | { readonly kind: 'defined' | 'unknown' | 'experimental' }
  /** It exists, but only from `since` on. */
  | { readonly kind: 'later'; readonly since: number }
  | { readonly kind: 'retired'; readonly since: number }
  /** Not in the table, but the model uses an operator set newer than the table. */
  | { readonly kind: 'beyond'; readonly newest: number };

/** True for domains whose operators the table lists: the standard one ("") and ai.onnx.ml and its like. */
export const isSpecifiedDomain = (domain: string): boolean => tableOf(domain) !== undefined;

/** How an operator stands at a version of its domain's operator set. */
export function operatorStanding(domain: string, name: string, opset: number): OperatorStanding {
  const versions = tableOf(domain)?.get(name);
  const newest = newestOpset[domain] ?? 0;
  if (!versions) {
    if (opset > newest) return { kind: 'beyond', newest };
    return { kind: domain === '' && experimental.has(name) ? 'experimental' : 'unknown' };
  }
  let current: number | undefined;
  for (const version of versions) if (Math.abs(version) <= opset) current = version;
  if (current === undefined) return { kind: 'later', since: Math.abs(versions[0] ?? 0) };
  return current < 0 ? { kind: 'retired', since: -current } : { kind: 'defined' };
}

/** The opset version that gave an operator the form that it has at `opset`; undefined where it is not in the table. */
export function formAt(domain: string, name: string, opset: number): number | undefined {
  if (opset > (newestOpset[domain] ?? 0)) return undefined;
  return tableOf(domain)
    ?.get(name)
    ?.filter((version) => Math.abs(version) <= opset)
    .at(-1);
}

/** The first opset version after `opset` that changed or retired an operator; undefined where none did. */
export function formAfter(domain: string, name: string, opset: number): number | undefined {
  const next = tableOf(domain)
    ?.get(name)
    ?.find((version) => Math.abs(version) > opset);
  return next === undefined ? undefined : Math.abs(next);
}

/** The operator of the domain whose name is nearest, when it is near enough to be a slip of the pen. */
export function similarOperator(domain: string, name: string): string | undefined {
  if (name.length > 40) return undefined;
  const wanted = name.toLowerCase();
  let found: string | undefined;
  for (const candidate of operatorsOf(domain)) {
    const other = candidate.toLowerCase();
    if (other === wanted) return candidate;
    if (wanted.length > 3 && isOneSlipAway(wanted, other)) found ??= candidate;
  }
  return found;
}

/** One letter more, less, another, or two swapped. */
function isOneSlipAway(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  return (
    (left.length <= 1 && right.length <= 1) ||
    (left.length === 2 && left[0] === right[1] && left[1] === right[0] && right.length === 2)
  );
}
