// Arithmetic on dimensions: numbers, symbolic names and the sums and products of them that shape inference
// makes, written as text ("past + seq", "2*batch"). Two equal texts mean equal sizes; two different texts
// mean nothing. What grows too long becomes null (unknown).

/** A dimension or one known element of a shape tensor: a number, a symbolic expression, or unknown. */
export type Dim = number | string | null;
export type Dims = readonly Dim[];

const longestExpression = 200;

/** Sum of products: the sorted factors joined by `*` → coefficient; the constant has the key "". */
type Polynomial = Map<string, number>;

/** Splits at a separator outside parentheses; undefined when the parentheses do not match. */
function splitOutside(
  text: string,
  separators: readonly string[],
): { parts: string[]; marks: string[] } | undefined {
  const parts: string[] = [];
  const marks: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    if (depth < 0) return undefined;
    if (depth > 0) continue;
    const mark = separators.find((separator) => text.startsWith(separator, at));
    if (mark === undefined) continue;
    parts.push(text.slice(from, at));
    marks.push(mark);
    from = at + mark.length;
    at = from - 1;
  }
  parts.push(text.slice(from));
  return depth === 0 ? { parts, marks } : undefined;
}

const atom = (text: string): Polynomial => new Map([[text, 1]]);

function parse(dim: number | string): Polynomial {
  if (typeof dim === 'number') return new Map([['', dim]]);
  if (!/[*+\- ]/.test(dim) || dim.length > longestExpression) return atom(dim);
  const sum = splitOutside(dim, [' + ', ' - ']);
  if (!sum) return atom(dim);
  const result: Polynomial = new Map();
  for (const [index, part] of sum.parts.entries()) {
    const product = splitOutside(part, ['*']);
    if (!product) return atom(dim);
    let coefficient = index > 0 && sum.marks[index - 1] === ' - ' ? -1 : 1;
    const factors: string[] = [];
    for (const factor of product.parts.map((each) => each.trim())) {
      if (factor === '') return atom(dim);
      if (/^-?\d+$/.test(factor)) coefficient *= Number(factor);
      else factors.push(factor);
    }
    const key = factors.sort().join('*');
    result.set(key, (result.get(key) ?? 0) + coefficient);
  }
  return result;
}

function format(polynomial: Polynomial): Dim {
  const constant = polynomial.get('') ?? 0;
  const terms = [...polynomial].filter(([key, coefficient]) => key !== '' && coefficient !== 0);
  if (terms.length === 0) return constant;
  if (terms.length > 8 || [...polynomial.values()].some((value) => !Number.isSafeInteger(value))) return null;
  terms.sort(([a], [b]) => (a < b ? -1 : 1));
  let text = '';
  for (const [key, coefficient] of terms) {
    const size = Math.abs(coefficient);
    const term = size === 1 ? key : `${size}*${key}`;
    if (text === '') text = coefficient < 0 ? `-${size}*${key}` : term;
    else text += coefficient < 0 ? ` - ${term}` : ` + ${term}`;
  }
  if (constant !== 0) text += constant < 0 ? ` - ${-constant}` : ` + ${constant}`;
  return text.length > longestExpression ? null : text;
}

export function addDims(a: Dim, b: Dim): Dim {
  if (a === null || b === null) return null;
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  const sum = parse(a);
  for (const [key, coefficient] of parse(b)) sum.set(key, (sum.get(key) ?? 0) + coefficient);
  return format(sum);
}

export const subtractDims = (a: Dim, b: Dim): Dim => (b === 0 ? a : addDims(a, multiplyDims(b, -1)));

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (a === 0 || b === 0) return 0;
  if (a === null || b === null) return null;
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  const left = parse(a);
  const right = parse(b);
  if (left.size * right.size > 16) return null;
  const product: Polynomial = new Map();
  for (const [keyA, coefficientA] of left) {
    for (const [keyB, coefficientB] of right) {
      const key = [keyA, keyB]
        .filter((each) => each !== '')
        .flatMap((each) => splitOutside(each, ['*'])?.parts ?? [each])
        .sort()
        .join('*');
      product.set(key, (product.get(key) ?? 0) + coefficientA * coefficientB);
    }
  }
  return format(product);
}

/** a / b where it comes out even for every value of the symbols; null otherwise. */
export function divideExactly(a: Dim, b: Dim): Dim {
  if (a === null || b === null || b === 0) return null;
  if (typeof a === 'number' && typeof b === 'number') return a % b === 0 ? a / b : null;
  if (b === 1) return a;
  const divisor = [...parse(b)].filter(([, coefficient]) => coefficient !== 0);
  const [only] = divisor;
  if (divisor.length > 1 || !only) return a === b ? 1 : null;
  const result: Polynomial = new Map();
  for (const [key, coefficient] of parse(a)) {
    const factors = key === '' ? [] : (splitOutside(key, ['*'])?.parts ?? [key]);
    for (const factor of only[0] === '' ? [] : (splitOutside(only[0], ['*'])?.parts ?? [only[0]])) {
      const at = factors.indexOf(factor);
      if (at < 0) return null;
      factors.splice(at, 1);
    }
    if (coefficient % only[1] !== 0) return null;
    result.set(factors.join('*'), coefficient / only[1]);
  }
  return format(result);
}

/** `floor(X/m)` as X and m, for a whole m; undefined for every other atom. */
function asFloor(atomText: string): { inner: string; by: number } | undefined {
  const match = /^floor\((.+)\/(\d+)\)$/.exec(atomText);
  if (!match?.[1] || !match[2]) return undefined;
  const inner = match[1];
  // One pair of parentheses may stand around a sum; what is inside must be balanced by itself.
  const bare = inner.startsWith('(') && inner.endsWith(')') ? inner.slice(1, -1) : inner;
  return splitOutside(bare, []) ? { inner: bare, by: Number(match[2]) } : undefined;
}

/** An expression as a divisor, and as what is divided. */
const wrap = (dim: number | string) => (/[ *]/.test(String(dim)) ? `(${dim})` : String(dim));
const wrapSum = (dim: number | string) => (String(dim).includes(' ') ? `(${dim})` : String(dim));

/**
 * a / n rounded down, for a whole n > 0, in one spelling: what divides evenly stands outside, the constant inside
 * lies in [0, n), and a rounded quotient in a rounded quotient becomes one.
 */
function floorByNumber(a: string, n: number): Dim {
  const outside: Polynomial = new Map();
  const inside: Polynomial = new Map();
  for (const [key, coefficient] of parse(a)) {
    const whole = Math.floor(coefficient / n);
    if (coefficient % n === 0) outside.set(key, coefficient / n);
    else if (key === '') {
      outside.set('', whole);
      inside.set('', coefficient - whole * n);
    } else inside.set(key, coefficient);
  }
  const rest = format(inside);
  const even = format(outside);
  if (rest === null || even === null) return null;
  if (typeof rest === 'number') return even;
  const terms = [...inside].filter(([key]) => key !== '');
  const only = terms.length === 1 && terms[0]![1] === 1 ? asFloor(terms[0]![0]) : undefined;
  if (only) {
    // floor((floor(x/m) + c)/n) = floor((x + c·m)/(m·n)).
    const joined = floorDivide(addDims(only.inner, (inside.get('') ?? 0) * only.by), only.by * n);
    return addDims(joined, even);
  }
  const text = `floor(${wrapSum(rest)}/${n})`;
  return text.length > longestExpression ? null : addDims(text, even);
}

function roundedDivision(a: Dim, b: Dim, kind: 'floor' | 'ceil'): Dim {
  if (a === null || b === null || b === 0) return null;
  if (typeof a === 'number' && typeof b === 'number') return Math[kind](a / b);
  if (typeof a === 'string' && typeof b === 'number' && Number.isInteger(b) && b > 0) {
    if (kind === 'floor') return floorByNumber(a, b);
    const raised = addDims(a, b - 1);
    return typeof raised === 'string' ? floorByNumber(raised, b) : roundedDivision(raised, b, 'floor');
  }
  const exact = divideExactly(a, b);
  if (exact !== null) return exact;
  const text = `${kind}(${wrapSum(a)}/${wrap(b)})`;
  return text.length > longestExpression ? null : text;
}

/** a / b rounded down; b positive. */
export const floorDivide = (a: Dim, b: Dim): Dim => roundedDivision(a, b, 'floor');
/** a / b rounded up; b positive. */
export const ceilDivide = (a: Dim, b: Dim): Dim => roundedDivision(a, b, 'ceil');

/** A name is a size and so at least 0; what is rounded or chosen is when nothing in it is subtracted. */
const isSize = (atomText: string): boolean => !/(floor|ceil|min)\(.*-/.test(atomText);

/** True when a is at least 0 whatever its names stand for. */
export function isNonNegative(a: Dim): boolean {
  if (typeof a !== 'string') return a !== null && a >= 0;
  return [...parse(a)].every(([key, coefficient]) => coefficient >= 0 && isSize(key));
}

function extreme(a: Dim, b: Dim, kind: 'min' | 'max'): Dim {
  if (a === null || b === null) return null;
  if (typeof a === 'number' && typeof b === 'number') return Math[kind](a, b);
  if (a === b) return a;
  const larger = isNonNegative(subtractDims(a, b)) ? a : isNonNegative(subtractDims(b, a)) ? b : undefined;
  if (larger !== undefined) return (larger === a) === (kind === 'max') ? a : b;
  const text = `${kind}(${[String(a), String(b)].sort().join(', ')})`;
  return text.length > longestExpression ? null : text;
}

export const minDims = (a: Dim, b: Dim): Dim => extreme(a, b, 'min');
export const maxDims = (a: Dim, b: Dim): Dim => extreme(a, b, 'max');

/** a / b rounded down where it is known to come out even; what cannot be shown to is written as a rounding. */
export const quotient = (a: Dim, b: Dim): Dim => {
  if (typeof a === 'number' && typeof b === 'number') return divideExactly(a, b);
  return floorDivide(a, b);
};

export const productOf = (dims: Dims): Dim => dims.reduce<Dim>(multiplyDims, 1);

/** Elements of a shape, or undefined unless every dimension is a number. */
export function elementsOf(dims: Dims | null | undefined): number | undefined {
  if (!dims) return undefined;
  let product = 1;
  for (const dim of dims) {
    if (typeof dim !== 'number') return undefined;
    product *= dim;
  }
  return product;
}

/** One dimension of a broadcast; undefined when both are numbers that do not fit. */
function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === 'number' && typeof b === 'number') return undefined;
  // A number other than 1 wins: the unknown side can only be 1 or the same.
  if (typeof a === 'number') return a;
  if (typeof b === 'number') return b;
  return null;
}

/** Multidirectional broadcasting (numpy's rules). Null when a rank is unknown. */
export function broadcastDims(
  shapes: readonly (Dims | null)[],
  contradiction?: (a: Dims, b: Dims) => void,
): Dims | null {
  let result: Dims = [];
  for (const shape of shapes) {
    if (shape === null) return null;
    // A sum of a thousand equal shapes makes nothing new.
    if (shape.length === result.length && shape.every((dim, axis) => dim === result[axis])) continue;
    const long = result.length >= shape.length ? result : shape;
    const short = long === result ? shape : result;
    const shift = long.length - short.length;
    const next = long.map((dim, axis) => (axis < shift ? dim : broadcastDim(dim, short[axis - shift]!)));
    if (next.includes(undefined)) contradiction?.(result, shape);
    result = next.map((dim) => dim ?? null);
  }
  return result;
}

/** Dimensions that hold for both shapes: what differs becomes unknown. Used where paths of an If or Loop meet. */
export function commonDims(a: Dims | null, b: Dims | null): Dims | null {
  if (a === null || b === null || a.length !== b.length) return null;
  return a.map((dim, axis) => (dim === b[axis] ? dim : null));
}
