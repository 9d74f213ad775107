// What would bring a node from float into integers, told from the reason why it is not (fusionReason.ts and the
// quantizer's own reasons).

/** Reason → advice; the first that fits counts. Where nothing should be done, it says so. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/told to stay in float/, 'Take it off the excluded nodes.'],
  [/search for a small enough loss/, 'Allow a larger loss, recover accuracy too, or give the search more time.'],
  [
    /keeps its output in float; a quantize step must stand between|goes to .* in float; a quantize step must|into a float Gemm/,
    'Quantize the float model with method static, which puts a step between them.',
  ],
  [
    /no integer kernel for (?:Gelu|LayerNormalization|SkipLayerNormalization|Tanh|Erf|Softplus|Mish|Elu|Selu)\b/,
    'Leave it: rounding around it costs more time than it saves. A model trained with Relu or HardSwish in its place would run in integers.',
  ],
  [/no integer kernel for/, 'Leave it, or replace it by operators that have an integer kernel and train again.'],
  [/[Nn]o finite range/, 'Check the calibration samples: the value was infinite, not a number, or never computed.'],
  [
    /weights? (?:are not constant|is computed)|bias is computed|bounds are computed/,
    'Fold what is constant first (slipway optimize), or fix the dimensions that it depends on.',
  ],
  [
    /is a graph output, with no|also a graph output/,
    'Give the output a reader of its own (Identity), or leave it: only the last layer is concerned.',
  ],
  [/also feeds|in float, and no quantize step/, 'Quantize all readers of the value from one step, as method static does.'],
  [/feeds \S+ quantize steps/, 'Merge the quantize steps into one; equal ones cost nothing.'],
  [/takes MatMul and Gemm only/, 'Use method static with calibration data.'],
  [/different scales|not a constant; it keeps/, 'Give both sides one constant scale, as method static does.'],
  [/8 bits only/, 'Choose uint8 activations; 16 bits are more accurate and run in float on processors.'],
  [/is an input of the model/, 'Store the weight in the model, as an initializer.'],
  [/On x64/, 'Use uint8 activations; int8 ones are for ARM processors.'],
  [/zero point|beyond its bounds/, 'Use asymmetric uint8 activations, and a range that ends where it cuts.'],
  [/different integer types|but its output is quantized to/, 'Use one activation type for all its inputs and outputs.'],
  [/bias is not int32|scale of its bias/, 'Store the bias as int32 with the scale of the input times that of the weights.'],
  [/quantizer placed no|No quantize step|weights were left in float|between float operators/, 'Quantize its neighbours too; alone it would gain less than its quantize steps cost.'],
  [/faster in float|gains little/, 'Leave it: in integers it would be slower or less accurate.'],
  [/beta is not 1/, 'Simplify it first (slipway optimize), which folds the factor and the transposition into its constants.'],
  [/interpolates/, 'Use nearest-neighbour resizing, or leave it.'],
  [/holds NaN or infinity/, 'Repair the weights: they are no numbers in the float model either.'],
]; // prettier-ignore

/** What would mend it, a sentence; undefined where nothing is known. */
export const mendOf = (why: string): string | undefined => advice.find(([reason]) => reason.test(why))?.[1];
