// Type rules of sequences, optionals and text: their shapes are seldom known, their types are.

import { dataTypeName } from '../../ir/dataType';
import { intOf, unknown, type Inferred, type Rule, type RuleContext, type RuleTable } from './context';

const sequenceOf = (dtype: string): Inferred =>
  dtype === unknown.dtype ? unknown : { dtype: `seq(${dtype})`, dims: null };

const inside = (dtype: string, wrapper: string): string =>
  dtype.startsWith(`${wrapper}(`) && dtype.endsWith(')')
    ? dtype.slice(wrapper.length + 1, -1)
    : unknown.dtype;

const element: Rule = (context) => [{ dtype: inside(context.dtype(0), 'seq'), dims: null }];
const firstType: Rule = (context) => [{ dtype: context.dtype(0), dims: null }];
const scalar =
  (dtype: string): Rule =>
  () => [{ dtype, dims: [] }];

const optionalElement: Rule = (context) => {
  // Since opset 18 a plain value is let through.
  const type = context.type(0);
  return [type.dtype.startsWith('optional(') ? { dtype: inside(type.dtype, 'optional'), dims: null } : type];
};

const concatFromSequence: Rule = (context: RuleContext) => [
  { dtype: inside(context.dtype(0), 'seq'), dims: null },
];

export const sequenceRules: RuleTable = {
  SequenceConstruct: (context) => [sequenceOf(context.dtype(0))],
  SequenceEmpty: (context) => [sequenceOf(dataTypeName(intOf(context, 'dtype', 1)))],
  SequenceInsert: firstType,
  SequenceErase: firstType,
  SequenceAt: element,
  SequenceLength: scalar('int64'),
  SplitToSequence: (context) => [sequenceOf(context.dtype(0))],
  ConcatFromSequence: concatFromSequence,
  OptionalHasElement: scalar('bool'),
  OptionalGetElement: optionalElement,
  StringConcat: (context) => [{ dtype: 'string', dims: context.dims(0) }],
  RegexFullMatch: (context) => [{ dtype: 'bool', dims: context.dims(0) }],
  StringNormalizer: () => [{ dtype: 'string', dims: null }],
  TfIdfVectorizer: () => [{ dtype: 'float', dims: null }],
};
