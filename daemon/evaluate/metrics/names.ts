// The metrics by name, and what each needs.

export const metricNames = [
  'top1',
  'topk',
  'precision',
  'recall',
  'f1',
  'mse',
  'mae',
  'r2',
  'cosine',
  'kl',
  'agreement',
  'map',
] as const;
export type MetricName = (typeof metricNames)[number];

/** Metrics over classes that were named, which need the true ones. */
export const isLabelled = (metric: MetricName): boolean =>
  ['top1', 'topk', 'precision', 'recall', 'f1'].includes(metric);

/** Metrics that hold output values against wanted ones: of the data, or of another model. */
export const comparesValues = (metric: MetricName): boolean =>
  ['mse', 'mae', 'r2', 'cosine', 'kl'].includes(metric);

/** Plain shares of samples, whose intervals are Wilson's and Newcombe's. */
export const isShare = (metric: MetricName): boolean => ['top1', 'topk', 'agreement'].includes(metric);

/** Metrics of which less is better. */
export const isError = (metric: MetricName): boolean => ['mse', 'mae', 'kl'].includes(metric);
