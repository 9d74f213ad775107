// What an operator takes and gives at a version of its operator set: decoded from the generated tables (of the
// specification, and of ONNX Runtime's own operators) when first asked for.

import { contribSchemas, contribTypeSets } from './contribSchemas';
import { schemas, typeSets } from './operatorSchemas';

export interface FormalParameter {
  /** Type variable such as `T`, or empty where `types` is fixed. */
  readonly variable: string;
  /** Types that it may have, as typeText writes them. */
  readonly types: ReadonlySet<string>;
  readonly kind: 'single' | 'optional' | 'repeated';
  /** Of a repeated one: whether all have one type, and how many there must be. */
  readonly isUniform: boolean;
  readonly least: number;
}

export interface FormalAttribute {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
}

export interface OperatorSchema {
  readonly since: number;
  readonly inputs: readonly FormalParameter[];
  readonly outputs: readonly FormalParameter[];
  readonly attributes: ReadonlyMap<string, FormalAttribute>;
}

const decoded = new Map<string, OperatorSchema>();
/** Sets of types by their texts, which both tables number for themselves. */
const sets = new Map<string, ReadonlySet<string>>();

function typeSet(text: string): ReadonlySet<string> {
  const known = sets.get(text);
  if (known) return known;
  const made = new Set(text.split(' '));
  sets.set(text, made);
  return made;
}

/** The schema in force at `opset`; undefined where the operator is not defined there. */
export function operatorSchema(domain: string, name: string, opset: number): OperatorSchema | undefined {
  const key = domain === '' ? name : `${domain}.${name}`;
  const isContrib = domain === 'com.microsoft';
  const table = isContrib ? contribSchemas : schemas;
  const versions = Object.hasOwn(table, key) ? table[key]! : [];
  const [since, text] = versions.findLast((version) => version[0] <= opset) ?? [];
  if (since === undefined || text === undefined) return undefined;
  const id = `${key} ${since}`;
  const known = decoded.get(id);
  if (known) return known;
  const made = decode(since, text, isContrib ? contribTypeSets : typeSets);
  decoded.set(id, made);
  return made;
}

function decode(since: number, text: string, numbered: readonly string[]): OperatorSchema {
  const setOf = (number: string) => typeSet(numbered[Number(number)] ?? '');
  const [inputs = '', outputs = '', attributes = '', variables = ''] = text.split('|');
  const allowed = new Map(
    words(variables).map((word) => {
      const [name = '', set = ''] = word.split('=');
      return [name, setOf(set)];
    }),
  );
  const parameters = (list: string) => words(list).map((word) => parameter(word, allowed, setOf));
  return {
    since,
    inputs: parameters(inputs),
    outputs: parameters(outputs),
    attributes: new Map(
      words(attributes).map((word) => {
        const [name = '', type = ''] = word.split(':');
        const bare = name.replace('!', '');
        return [bare, { name: bare, type, isRequired: name.endsWith('!') }];
      }),
    ),
  };
}

const words = (list: string): string[] => (list === '' ? [] : list.split(','));

function parameter(
  word: string,
  allowed: ReadonlyMap<string, ReadonlySet<string>>,
  setOf: (number: string) => ReadonlySet<string>,
): FormalParameter {
  const match = /^(=?)(\w+)([?*+]?)(\d*)$/.exec(word);
  const [, fixed = '', name = '', mark = '', least = ''] = match ?? [];
  return {
    variable: fixed === '=' ? '' : name,
    types: fixed === '=' ? setOf(name) : (allowed.get(name) ?? new Set()),
    kind: mark === '?' ? 'optional' : mark === '' ? 'single' : 'repeated',
    isUniform: mark !== '+',
    least: Number(least),
  };
}

/** The parameter at a position: the last one repeats where it may. */
export function parameterAt(
  parameters: readonly FormalParameter[],
  position: number,
): FormalParameter | undefined {
  const last = parameters.at(-1);
  return position < parameters.length ? parameters[position] : last?.kind === 'repeated' ? last : undefined;
}

/** Fewest and most parameters that a node may have. */
export function arityOf(parameters: readonly FormalParameter[]): { least: number; most: number } {
  let least = 0;
  parameters.forEach((each, position) => {
    if (each.kind === 'single') least = position + 1;
    else if (each.kind === 'repeated' && each.least > 0) least = position + each.least;
  });
  return { least, most: parameters.at(-1)?.kind === 'repeated' ? Infinity : parameters.length };
}
