// What operators of classic machine learning (ai.onnx.ml), of training and in preview do, in our own words.

export const mlWords: Readonly<Record<string, string>> = {
  ArrayFeatureExtractor: 'Picks features by their positions along the last axis.',
  Binarizer: 'One where an element is above a threshold, else zero.',
  CastMap: 'Turns a map of numbers to values into a dense or sparse tensor.',
  CategoryMapper: 'Replaces names of categories by numbers, or numbers by names, from a stored list.',
  DictVectorizer: 'Turns a dictionary into a vector, each key at its place in a stored vocabulary.',
  FeatureVectorizer: 'Joins several inputs into one vector of features.',
  Imputer: 'Fills in missing values by stored replacements.',
  LabelEncoder: 'Replaces each key by the value that a stored table has for it, else by a default.',
  LinearClassifier: 'Scores classes by a linear function and gives the best one.',
  LinearRegressor: 'Predicts numbers by a linear function.',
  Normalizer: 'Divides each row by its largest value, its sum of magnitudes, or its length.',
  OneHotEncoder: 'Turns each category into a vector with a one at its place in a stored list.',
  Scaler: 'Subtracts an offset from each feature and multiplies it by a scale.',
  SVMClassifier: 'Support vector machine that gives a class and its scores.',
  SVMRegressor: 'Support vector machine that predicts a number.',
  TreeEnsemble: 'Sums, averages or otherwise combines the leaves that many decision trees lead to.',
  TreeEnsembleClassifier:
    'Decision trees whose leaves vote for classes; gives the best class and all scores.',
  TreeEnsembleRegressor: 'Decision trees whose leaves are combined into predicted numbers.',
  ZipMap: 'Pairs class names with scores: one map for each row.',
};

export const trainingWords: Readonly<Record<string, string>> = {
  Adagrad: 'Step of training that divides the gradient by the root of all its squares so far.',
  Adam: 'Step of training by running means of the gradient and of its square.',
  Gradient: 'Derivatives of a value in the graph with respect to chosen tensors.',
  Momentum: 'Step of training along a running sum of gradients.',
};

export const previewWords: Readonly<Record<string, string>> = {
  FlexAttention:
    'Attention whose scores and probabilities may be changed by graphs that the node brings along.',
};
