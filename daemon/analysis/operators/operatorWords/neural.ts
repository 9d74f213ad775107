// What operators of networks do, in our own words: convolution, pooling, normalization, activation, memory, attention,
// quantization, loss.

export const neuralWords: Readonly<Record<string, string>> = {
  Attention:
    'Scaled dot-product attention: queries are compared with keys, and the values are mixed by the softmax of that. Takes masks, grouped heads and a cache of past keys and values.',
  AveragePool: 'Mean of each window that slides over the spatial axes.',
  BatchNormalization:
    'Normalizes each channel by a stored mean and variance, then scales and shifts it; in training mode by those of the batch.',
  CausalConvWithState:
    'Convolution along time that sees only the past, with the last inputs handed on as a state from step to step.',
  Celu: 'The element where it is positive, below zero an exponential curve that bends without a kink towards −alpha.',
  Conv: 'Convolution: slides learned filters over the spatial axes and sums over the channels of a group.',
  ConvInteger:
    'Convolution of 8-bit tensors in 32-bit whole numbers, after their zero points are subtracted.',
  ConvTranspose:
    'Transposed convolution: spreads every element through a learned filter, so that the spatial size grows.',
  DeformConv: 'Convolution whose filter taps are moved by offsets that are an input, and weighted by a mask.',
  DequantizeLinear:
    'Turns whole numbers back into floats: (x − zero point) × scale, per tensor, per slice of an axis, or per block.',
  Dropout:
    'Sets random elements to zero in training and scales the rest; in inference it passes its input on.',
  DynamicQuantizeLinear:
    'Quantizes to 8 bits with a scale and zero point worked out from the range of this very input.',
  Elu: 'The element where it is positive, alpha × (exp(x) − 1) below zero.',
  Gelu: 'x times the probability that a normal variable lies below x; exact, or approximated by tanh.',
  GlobalAveragePool: 'Mean over all spatial positions, for each channel.',
  GlobalLpPool: 'Lp norm over all spatial positions, for each channel.',
  GlobalMaxPool: 'Largest value over all spatial positions, for each channel.',
  GroupNormalization:
    'Normalizes groups of channels of each sample by their own mean and variance, then scales and shifts.',
  GRU: 'Gated recurrent unit over a sequence: an update gate and a reset gate decide what the state keeps.',
  HardSigmoid: 'Straight line that replaces the sigmoid: alpha × x + beta, limited to 0 … 1.',
  HardSwish: 'x times a straight-line sigmoid: a cheap stand-in for Swish.',
  Hardmax: 'One at the first largest element along an axis, zero elsewhere.',
  InstanceNormalization:
    'Normalizes each channel of each sample by its own mean and variance, then scales and shifts it.',
  LayerNormalization:
    'Normalizes over the last axes from `axis` on by their mean and variance, then scales and shifts.',
  LeakyRelu: 'The element where it is positive, alpha times the element below zero.',
  LinearAttention:
    'Attention without softmax that carries a matrix of keys times values as its state, so that work grows linearly with the length.',
  LogSoftmax: 'Logarithm of the softmax along an axis, worked out without overflow.',
  LpNormalization: 'Divides by the L1 or L2 norm along an axis.',
  LpPool: 'Lp norm of each window that slides over the spatial axes.',
  LRN: 'Local response normalization: divides each element by a power of the squares in its neighbouring channels.',
  LSTM: 'Long short-term memory over a sequence: input, output and forget gates rule a cell state.',
  MaxPool: 'Largest value of each window that slides over the spatial axes, and where it was if asked.',
  MaxRoiPool: 'Largest value in each cell of a grid laid over regions of interest.',
  MaxUnpool: 'Puts values back where a MaxPool took them from; the rest is zero.',
  MeanVarianceNormalization: 'Subtracts the mean over the given axes and divides by the standard deviation.',
  Mish: 'x × tanh(softplus(x)): a smooth activation that lets small negative values through.',
  NegativeLogLikelihoodLoss:
    'Loss that takes the log probability of the right class, weighted and averaged if asked.',
  PRelu: 'The element where it is positive, a learned slope times the element below zero.',
  QLinearConv:
    'Convolution whose input, filter and output are all 8-bit, each with a scale and a zero point.',
  QLinearMatMul:
    'Matrix product whose inputs and output are all quantized, each with a scale and a zero point.',
  QuantizeLinear:
    'Turns floats into whole numbers: round(x ÷ scale) + zero point, saturated; per tensor, per slice of an axis, or per block.',
  Relu: 'The element where it is positive, else zero.',
  RMSNormalization:
    'Divides by the root of the mean square over the last axes, then scales; no mean is subtracted.',
  RNN: 'Plain recurrent layer over a sequence: the state is an activation of input and last state.',
  RotaryEmbedding:
    'Marks positions by turning pairs of features by angles that grow with the position (RoPE).',
  Selu: 'Scaled exponential unit: gamma × x above zero, gamma × alpha × (exp(x) − 1) below.',
  Shrink: 'Pulls elements towards zero by a bias where they exceed a threshold, and makes the others zero.',
  Sigmoid: '1 ÷ (1 + exp(−x)): squeezes every element into 0 … 1.',
  Softmax: 'Exponentials along an axis divided by their sum, so that they add up to one.',
  SoftmaxCrossEntropyLoss: 'Softmax and negative log likelihood of the right class in one loss.',
  Softplus: 'log(1 + exp(x)): a smooth ReLU.',
  Softsign: 'x ÷ (1 + |x|): squeezes every element into −1 … 1.',
  SwiGLU: 'Gated activation: one part of the input, through Swish, times the other part.',
  Swish: 'x × sigmoid(alpha × x), also called SiLU.',
  Tanh: 'Hyperbolic tangent: squeezes every element into −1 … 1.',
  ThresholdedRelu: 'The element where it is above alpha, else zero.',
};
