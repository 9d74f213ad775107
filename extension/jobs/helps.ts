// Help that reads otherwise in a form than in the protocol: in the form's own words, with what an option costs. A field
// without an entry is helped by the sentence of the protocol.

const data =
  'An .npz file with arrays named like the inputs; a hundred real samples are enough, labels are not used.';

/** For the file that a job writes. */
export const outputHelp =
  'The file that is written; empty, it is a free name beside the model. A file that is there already is not replaced.';

/** By field, for every form that has it. */
export const helps: Readonly<Record<string, string>> = {
  overwrite: 'Replaces the file of that name, if there is one. The model itself is never replaced.',
  calibrationCache: 'A file that keeps the measured ranges, for the same model, data and settings.',
  overrides:
    'A JSON file with wishes for single tensors: a fixed range, the integers of a value or a weight, or that it stays in float.',
  against: 'Another model, measured in turn with this one on the same inputs.',
  reference: 'The model whose outputs are the wanted ones.',
};

/** By field, for what looks for a version that keeps enough. */
const searchHelps: Readonly<Record<string, string>> = {
  maxDrop:
    'How much of top-1 may be lost: 0.003 is 0.3 points. What loses more is looked for and mended or given back to float, which takes longer.',
  maxSeconds: 'The search ends after this time with the best so far.',
  maxEvaluations: 'The search ends after this many versions were measured, with the best so far.',
  state: 'A file that keeps the search, so that one that was stopped can go on.',
  minCosine:
    'How near the outputs must stay, as their cosine similarity with those of the original: 1 is the same.',
  minSqnrDb: 'How near the outputs must stay: 40 dB is one percent of error, 60 dB a tenth of one.',
};

/** By field, for quantization with calibration data. */
export const staticHelps: Readonly<Record<string, string>> = {
  ...searchHelps,
  calibration: `${data} The ranges of the activations are measured on it.`,
  calibrator:
    'How ranges are chosen. MinMax takes all that was seen; the others cut off what is rare, which helps where single values lie far out.',
  recover:
    'What is done to the float model first, so that it loses less; what brings the outputs no nearer is left out. For convolutions start with equalize layers, rounding by data and bias correction; for transformers with SmoothQuant and bias correction.',
  smoothAlpha:
    'How much SmoothQuant moves from activations to weights: 0.5 for all layers, /layers.0/*=0.7 for some.',
  validation: 'An .npz file with inputs and `label`: the loss of top-1 is measured on it.',
  target: 'The processor that will run it: it decides which integers are fast.',
  weights: 'The integers of the weights; int8 is the fast one nearly everywhere.',
  activations:
    'The integers of the activations: uint8 is fast on x64, int8 on ARM; 16 bits are accurate, but run in float on processors.',
  percentile: 'How many percent of the values the calibrator keeps inside the range.',
  momentum: 'How much the newest batch counts for the moving average.',
  tune: 'Measures here, and gives back to float what is slower in integers. Automatic does so for models with HardSwish, where it pays most; no measures nothing at all.',
  emulate: 'Measures the error also as that processor computes, whose sums can overflow.',
  format:
    'Quantize steps around float operators suit every runtime; integer operators are for runtimes that know no steps.',
};

/** By field, for quantization of weights alone. */
export const weightOnlyHelps: Readonly<Record<string, string>> = {
  bits: 'Bits of a weight: 4 is usual, 8 nearly exact, 2 for what bears it.',
  blockSize: 'Neighbouring weights that share a scale: fewer are more accurate and take more room.',
  algorithm:
    'How weights are rounded. GPTQ and AWQ use data and lose least; HQQ, k-quant and rounding with the best scale need none. Automatic is GPTQ with data, else rounding.',
  calibration: `${data} GPTQ and AWQ round by it, and the error is measured on it.`,
  symmetric: 'Zero points fixed in the middle, which saves them. HQQ and k-quant need free ones.',
  actOrder: 'GPTQ takes rows with large inputs first; the blocks stay the same.',
  passes:
    'How often GPTQ goes through the model. From the second time on it measures behind the layers that are quantized already; the version with the nearest outputs is written.',
  form: "ONNX Runtime's own operators are fastest there; the standard form runs in any runtime of operator set 21 (25 for 2 bits).",
  largestError:
    'A weight that loses more than this share (0.2 is a fifth) of its output, or without data of itself, takes 8 bits instead.',
  accuracyLevel:
    'Arithmetic of the products: 1 is float32, 4 int8 activations, 0 what ONNX Runtime likes. Automatic measures them.',
  embeddings: 'Lookup tables shrink too.',
  embeddingBits:
    'A lookup gains no time from fewer bits than 8, and loses much in 4. A table that is multiplied with too takes the bits of the others.',
};

/** By field, for half precision. */
export const precisionHelps: Readonly<Record<string, string>> = {
  ...searchHelps,
  mode: 'Storage keeps weights in half and computes in float32, for processors; compute is for GPUs and NPUs; search finds what must stay float32 there. Automatic is storage, or search once you say what the outputs must keep.',
  calibration: `${data} What exceeds the range of half floats on it stays float32.`,
  validation: 'Data that the loss is measured on: with labels top-1, without agreement with the original.',
  maxMagnitude:
    'A node that touches a larger value than this on the calibration data stays float32; a quarter of the largest half float when empty.',
};

/** By field, for what goes by a share. */
const shareHelps: Readonly<Record<string, string>> = {
  ratio: 'The share that goes: 0.5 is half.',
  scope:
    'All layers together takes where it costs least; every layer alike takes the same share of each. Automatic is the first, but for a plain share without data.',
};

/** By field, for pruning of channels. */
export const pruneHelps: Readonly<Record<string, string>> = {
  calibration: `${data} What matters is measured on it, and the layers that are left are refitted to it: much is won by that.`,
  importance:
    'What decides which channels go. Automatic is the error of the outputs where there is data, else the size of the weights.',
  ...shareHelps,
};

/** By field, for making single weights zero. */
export const zerosHelps: Readonly<Record<string, string>> = {
  calibration: `${data} What matters is measured on it, and the weights that stay make up for those that go.`,
  criterion:
    'What decides which weights go. Automatic is SparseGPT where there is data, which makes the others make up for them, else the smallest.',
  ...shareHelps,
};
