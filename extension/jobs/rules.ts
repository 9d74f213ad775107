// Options that do not go together, as rules of forms: what the daemon would refuse is said before anything runs, and so is
// what would be of no use. The sentences are for people who fill in a form; the daemon has its own.

import type { FormCondition, FormRule } from '../../daemon/protocol/jobPage';

/** `field` cannot be so while all of `when` hold. */
const stops = (field: string, when: FormCondition[], says: string): FormRule => ({
  field,
  when: [{ field }, ...when],
  says,
  stops: true,
});

/** `field` does nothing while all of `when` hold. */
const idle = (field: string, when: FormCondition[], says: string): FormRule => ({
  ...stops(field, when, says),
  stops: false,
});

const without = (field: string): FormCondition => ({ field, empty: true });

/** Samples of data that is not there; for every form that has the fields. */
export const sampleRules: readonly FormRule[] = [
  idle('calibrationSamples', [without('calibration')], 'There is no calibration data to take them from.'),
  idle('validationSamples', [without('validation')], 'There is no labelled data to take them from.'),
];

const search = ['validation', 'validationSamples', 'maxSeconds', 'maxEvaluations', 'state'] as const;

export const staticRules: readonly FormRule[] = [
  stops('maxDrop', [without('validation')], 'Choose the labelled data that the loss is measured on.'),
  ...search.map((field) => idle(field, [without('maxDrop')], 'Used only with a largest loss of top-1.')),
  idle(
    'percentile',
    [{ field: 'calibrator', not: ['percentile'] }],
    'Used only by the calibrator percentile.',
  ),
  idle(
    'momentum',
    [{ field: 'calibrator', not: ['moving-average'] }],
    'Used only by the calibrator moving average.',
  ),
  stops(
    'weights',
    [
      { field: 'weights', is: ['uint8'] },
      { field: 'activations', is: ['int8', 'int16'] },
    ],
    'Signed activations with unsigned weights have no integer kernel: choose uint8 activations, or int8 weights.',
  ),
  idle(
    'activations',
    [{ field: 'activations', is: ['uint16', 'int16'] }],
    'Layers with 16-bit activations run in float on processors: this shows their accuracy only.',
  ),
];

const gptqOnly = (field: string, make: typeof stops, says: string): FormRule[] => [
  make(field, [{ field: 'algorithm', is: ['plain', 'rtn', 'hqq', 'k-quant', 'awq'] }], says),
  make(field, [without('algorithm'), without('calibration')], says),
];

export const weightOnlyRules: readonly FormRule[] = [
  stops(
    'algorithm',
    [{ field: 'algorithm', is: ['gptq', 'awq'] }, without('calibration')],
    'It measures on data: choose calibration data, or another algorithm.',
  ),
  stops(
    'symmetric',
    [
      { field: 'symmetric', is: [true] },
      { field: 'algorithm', is: ['hqq', 'k-quant'] },
    ],
    'HQQ and k-quant need free zero points: leave it automatic, or choose another algorithm.',
  ),
  ...gptqOnly('passes', stops, 'Only GPTQ, with calibration data, goes through the model more than once.'),
  ...gptqOnly('actOrder', idle, 'Used only by GPTQ, with calibration data.'),
  idle(
    'accuracyLevel',
    [{ field: 'form', is: ['blocked'] }],
    'The standard form has no choice of arithmetic: used only by nbits.',
  ),
];

const criteria = ['maxDrop', 'minCosine', 'minSqnrDb'] as const;
const noCriteria = criteria.map(without);

export const precisionRules: readonly FormRule[] = [
  ...[...criteria, 'maxEvaluations', 'maxSeconds'].map((field) =>
    stops(
      field,
      [{ field: 'mode', is: ['storage', 'compute'] }],
      'Only the search looks for it: choose search or automatic.',
    ),
  ),
  ...['maxEvaluations', 'maxSeconds'].map((field) =>
    stops(
      field,
      [without('mode'), ...noCriteria],
      'It limits the search: choose search, or say what the outputs must keep.',
    ),
  ),
  stops('maxDrop', [without('validation')], 'Choose the data that the loss is measured on.'),
  stops(
    'validation',
    [without('maxDrop')],
    'It is for a largest loss of top-1: give one, or leave this out.',
  ),
  ...[[without('calibration')], [{ field: 'mode', is: ['storage'] }], [without('mode'), ...noCriteria]].map(
    (when) =>
      stops(
        'maxMagnitude',
        when,
        'It is measured on calibration data, for nodes that compute in half: choose data, and compute or search.',
      ),
  ),
];

export const pruneRules: readonly FormRule[] = [
  stops(
    'importance',
    [{ field: 'importance', is: ['energy', 'error'] }, without('calibration')],
    'It is measured on data: choose calibration data, or weights or BatchNorm scales.',
  ),
  stops(
    'repair',
    [{ field: 'repair', is: [true] }, without('calibration')],
    'Layers are refitted to data: choose calibration data; it needs no labels.',
  ),
];

export const zerosRules: readonly FormRule[] = [
  stops(
    'criterion',
    [{ field: 'criterion', is: ['wanda', 'sparsegpt'] }, without('calibration')],
    'It is measured on data: choose calibration data, or the smallest.',
  ),
];
