// What the values of enumerations are called in forms, where the protocol's word is not one that people use. Pure.

/** By field, then by value; a value without an entry is shown as it is. */
const words: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  recover: {
    cle: 'equalize layers',
    smooth: 'SmoothQuant',
    adaround: 'rounding by data',
    bias: 'bias correction',
    'bias-iterative': 'iterative bias correction',
  },
  calibrator: {
    minmax: 'MinMax',
    'moving-average': 'moving average',
    mse: 'MSE',
  },
  metric: {
    top1: 'Top-1',
    topk: 'Top-k',
    precision: 'Precision',
    recall: 'Recall',
    f1: 'F1',
    mse: 'Mean squared error',
    mae: 'Mean absolute error',
    r2: 'R²',
    cosine: 'Cosine similarity',
    kl: 'KL divergence',
  },
  format: { qdq: 'steps (QDQ)', qoperator: 'integer operators' },
  form: { nbits: 'ONNX Runtime’s operators', blocked: 'the standard form' },
  mode: { storage: 'storage, for processors', compute: 'computing, for GPUs', search: 'computing, searched' },
  accuracyLevel: { 0: 'as ONNX Runtime likes', 1: 'float32', 4: 'int8 activations' },
  algorithm: {
    plain: 'plain rounding',
    rtn: 'rounding, best scale',
    hqq: 'HQQ',
    'k-quant': 'k-quant',
    gptq: 'GPTQ',
    awq: 'AWQ',
  },
  importance: {
    l1: 'weights, L1',
    l2: 'weights, L2',
    'bn-scale': 'BatchNorm scales',
    energy: 'activation energy',
    error: 'error of the outputs',
  },
  criterion: { magnitude: 'the smallest', wanda: 'Wanda, from data', sparsegpt: 'SparseGPT, from data' },
  scope: { layer: 'every layer alike', global: 'all layers together' },
  'load.pattern': {
    'single-stream': 'one after another',
    offline: 'all at once',
    server: 'at random, as at a server',
  },
  boxStyle: { coco: 'COCO', voc: 'VOC' },
};

export const wordOf = (field: string, value: string | number | boolean): string =>
  words[field]?.[String(value)] ?? String(value);
