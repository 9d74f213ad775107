// Shape rules of classical machine learning (ai.onnx.ml): rows in, a label, scores or features for each out.

import { dataTypeName } from '../../ir/dataType';
import {
  intOf,
  likeFirst,
  unknown,
  type Inferred,
  type Rule,
  type RuleContext,
  type RuleTable,
} from './context';
import { addDims, type Dim, type Dims } from './dims';

/** Number of entries of a list attribute; undefined when there is none. */
function countOf(context: RuleContext, name: string): number | undefined {
  const found = context.attribute(name);
  switch (found?.type) {
    case 'INTS':
    case 'FLOATS':
    case 'STRINGS':
      return found.value.length;
    case 'TENSOR':
      return found.value.dims[0];
    default:
      return undefined;
  }
}

const firstCount = (context: RuleContext, ...names: string[]): number | undefined =>
  names.map((name) => countOf(context, name)).find((count) => count !== undefined && count > 0);

/** Rows of a table; a vector is one row. */
const rowsOf = (dims: Dims | null): Dim => (dims ? (dims.length <= 1 ? 1 : dims[0]!) : null);

/** One label for each row, and a score for each class; two classes may share one weight vector. */
const classifier =
  (ints: string): Rule =>
  (context) => {
    const rows = rowsOf(context.dims(0));
    const strings = firstCount(context, 'classlabels_strings');
    const classes = strings ?? firstCount(context, ints) ?? null;
    const label: Inferred = { dtype: strings === undefined ? 'int64' : 'string', dims: [rows] };
    return [label, { dtype: 'float', dims: [rows, classes] }];
  };

const regressor =
  (targets: string | undefined): Rule =>
  (context) => {
    const count = targets === undefined ? 1 : intOf(context, targets, 1);
    return [{ dtype: 'float', dims: [rowsOf(context.dims(0)), count] }];
  };

/** Same shape, with an element type that the attributes tell. */
const labelEncoder: Rule = (context) => {
  const tensor = context.attribute('values_tensor');
  const dtype =
    tensor?.type === 'TENSOR'
      ? dataTypeName(tensor.value.dataType)
      : context.attribute('values_strings')
        ? 'string'
        : context.attribute('values_int64s')
          ? 'int64'
          : context.attribute('values_floats')
            ? 'float'
            : // The first version mapped between text and numbers.
              context.attribute('classes_strings')
              ? context.dtype(0) === 'string'
                ? 'int64'
                : 'string'
              : unknown.dtype;
  return [{ dtype, dims: context.dims(0) }];
};

const categoryMapper: Rule = (context) => {
  const from = context.dtype(0);
  const dtype = from === 'string' ? 'int64' : from === 'int64' ? 'string' : unknown.dtype;
  return [{ dtype, dims: context.dims(0) }];
};

/** Indices choose along the last axis; a vector gives one row. */
const arrayFeatureExtractor: Rule = (context) => {
  const dims = context.dims(0);
  const chosen = context.dims(1);
  if (!dims || dims.length === 0) return [{ dtype: context.dtype(0), dims: null }];
  const count: Dim = chosen ? (chosen.length === 0 ? 1 : chosen.at(-1)!) : null;
  return [{ dtype: context.dtype(0), dims: [...(dims.length === 1 ? [1] : dims.slice(0, -1)), count] }];
};

const featureVectorizer: Rule = (context) => {
  let width: Dim = 0;
  context.node.inputs.forEach((_, at) => (width = addDims(width, context.dims(at)?.at(-1) ?? null)));
  return [{ dtype: 'float', dims: [rowsOf(context.dims(0)), width] }];
};

const oneHotEncoder: Rule = (context) => {
  const count = firstCount(context, 'cats_strings', 'cats_int64s') ?? null;
  const dims = context.dims(0);
  return [{ dtype: 'float', dims: dims && [...dims, count] }];
};

const floatLikeFirst: Rule = (context) => [{ dtype: 'float', dims: context.dims(0) }];

/** A map becomes one row as long as the vocabulary. */
const dictVectorizer: Rule = (context) => {
  const inner = /^map\(\w+,(\w+)\)$/.exec(context.dtype(0))?.[1] ?? unknown.dtype;
  const count = firstCount(context, 'string_vocabulary', 'int64_vocabulary') ?? null;
  return [{ dtype: inner, dims: [1, count] }];
};

const zipMap: Rule = (context) => {
  const key = context.attribute('classlabels_strings') ? 'string' : 'int64';
  return [{ dtype: `seq(map(${key},float))`, dims: null }];
};

const castMap: Rule = (context) => {
  const to = context.attribute('cast_to');
  const name = to?.type === 'STRING' ? new TextDecoder().decode(to.value) : 'TO_FLOAT';
  const types: Readonly<Record<string, string>> = {
    TO_FLOAT: 'float',
    TO_STRING: 'string',
    TO_INT64: 'int64',
  };
  return [{ dtype: Object.hasOwn(types, name) ? types[name]! : unknown.dtype, dims: null }];
};

const treeEnsemble: Rule = (context) => [
  { dtype: context.dtype(0), dims: [context.dims(0)?.[0] ?? null, intOf(context, 'n_targets', 1)] },
];

const prefixed = (table: RuleTable): RuleTable =>
  Object.fromEntries(Object.entries(table).map(([name, rule]) => [`ai.onnx.ml.${name}`, rule]));

export const mlRules: RuleTable = prefixed({
  ArrayFeatureExtractor: arrayFeatureExtractor,
  Binarizer: likeFirst,
  CastMap: castMap,
  CategoryMapper: categoryMapper,
  DictVectorizer: dictVectorizer,
  FeatureVectorizer: featureVectorizer,
  Imputer: likeFirst,
  LabelEncoder: labelEncoder,
  LinearClassifier: classifier('classlabels_ints'),
  LinearRegressor: regressor('targets'),
  Normalizer: floatLikeFirst,
  OneHotEncoder: oneHotEncoder,
  SVMClassifier: classifier('classlabels_ints'),
  SVMRegressor: regressor(undefined),
  Scaler: floatLikeFirst,
  TreeEnsemble: treeEnsemble,
  TreeEnsembleClassifier: classifier('classlabels_int64s'),
  TreeEnsembleRegressor: regressor('n_targets'),
  ZipMap: zipMap,
});
