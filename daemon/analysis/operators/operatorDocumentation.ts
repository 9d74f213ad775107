// What is to be said of an operator beside a node of it: our sentence, and what its operator set says at the version
// that the model uses.

import { documentationOf, signatureOf, signatureText, type Parameter } from '../language/signature';
import { operatorSchema, type FormalParameter } from './operatorSchema';
import { formAfter, similarOperator } from './operatorTable';
import { mlWords, previewWords, trainingWords } from './operatorWords/classic';
import { contribWords } from './operatorWords/contrib';
import { dataWords } from './operatorWords/data';
import { mathWords } from './operatorWords/math';
import { neuralWords } from './operatorWords/neural';

export interface ParameterDocumentation {
  name: string;
  /** One value, one that may be left out, or any number of them. */
  takes: 'one' | 'optional' | 'any';
  /** Type variable: parameters of the same one have the same type; empty where there is none. */
  variable: string;
  /** Types that it may have; empty where they are not known. */
  types: string[];
}

export interface AttributeDocumentation {
  name: string;
  /** `int`, `floats`, `graph`. */
  type: string;
  required: boolean;
  default?: string;
}

export interface OperatorDocumentation {
  name: string;
  domain: string;
  /** What it does, in a sentence or two; empty where we have none. */
  words: string;
  /** `Conv(X, W, B?) → Y`; empty where inputs and outputs are not known. */
  signature: string;
  /** Version of the operator set since which this form holds. */
  since?: number;
  /** The next version that changed the operator. */
  changed?: number;
  inputs: ParameterDocumentation[];
  outputs: ParameterDocumentation[];
  attributes: AttributeDocumentation[];
  /** The official page. */
  link?: string;
}

const standard = { ...mathWords, ...neuralWords, ...dataWords };
const families: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': standard,
  'ai.onnx.ml': mlWords,
  'ai.onnx.preview': previewWords,
  'ai.onnx.preview.training': trainingWords,
  'com.microsoft': contribWords,
};

const plainDomain = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

/** What an operator does, in a sentence or two of ours; undefined where we have none. */
export function operatorWords(domain: string, name: string): string | undefined {
  const own = plainDomain(domain);
  const family = Object.hasOwn(families, own) ? families[own]! : {};
  return Object.hasOwn(family, name) ? family[name] : undefined;
}

/**
 * Documents an operator at a version of its operator set (the newest where none is given); undefined where nothing is
 * known of it.
 */
export function operatorDocumentation(
  domain: string,
  name: string,
  opset = Infinity,
): OperatorDocumentation | undefined {
  const own = plainDomain(domain);
  const words = operatorWords(own, name);
  const signature = signatureOf(own, name, opset);
  if (words === undefined && signature === undefined) return undefined;
  const schema = operatorSchema(own, name, opset);
  const changed = formAfter(own, name, opset);
  const link = documentationOf(own, name);
  return {
    name,
    domain: own,
    words: words ?? '',
    signature: signature === undefined ? '' : signatureText(signature),
    ...(signature === undefined ? {} : { since: schema?.since ?? signature.since }),
    ...(changed === undefined ? {} : { changed }),
    inputs: parameters(signature?.inputs ?? [], schema?.inputs ?? []),
    outputs: parameters(signature?.outputs ?? [], schema?.outputs ?? []),
    attributes: (signature?.attributes ?? []).map((each) => ({
      name: each.name,
      type: each.type,
      required: each.required,
      ...(each.default === undefined ? {} : { default: each.default }),
    })),
    ...(link === undefined ? {} : { link }),
  };
}

/** Names that may be meant by one that is not known: the same in another domain, or written a little differently. */
export function operatorsLike(domain: string, name: string): string[] {
  const own = plainDomain(domain);
  const full = (where: string, what: string) => (where === '' ? what : `${where}.${what}`);
  const found = [own, ...Object.keys(families)].flatMap((each) => {
    if (each !== own && signatureOf(each, name) !== undefined) return [full(each, name)];
    const near = similarOperator(each, name);
    return near === undefined || (each === own && near === name) ? [] : [full(each, near)];
  });
  return [...new Set(found)].slice(0, 3);
}

/** Names come from one table, types from the other; both list the same parameters in the same order. */
const parameters = (
  named: readonly Parameter[],
  typed: readonly FormalParameter[],
): ParameterDocumentation[] =>
  named.map(({ name, takes }, position) => ({
    name,
    takes,
    variable: typed[position]?.variable ?? '',
    types: [...(typed[position]?.types ?? [])],
  }));
