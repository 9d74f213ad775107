// How far the outputs of a changed model moved, as one line of a list.

import type { OutputError } from '../evaluate/outputError';
import { plural, significant } from './format';

/** `cosine 0.99982, SQNR 34.4 dB, …`; `data` says whether there was any, or samples were made up. */
export const outputErrorText = (error: OutputError | null, data: boolean, cosineDigits = 5): string =>
  error === null
    ? 'not measured'
    : `cosine ${error.cosine.toFixed(cosineDigits)}, SQNR ${significant(error.sqnrDb)} dB, largest ${significant(error.maxAbs)}, over ${plural(error.samples, data ? 'sample' : 'made-up sample')}`;

const shown = 8;

/** Some names, and how many more there are. */
export const someNames = (names: readonly string[]): string =>
  names.length <= shown + 1
    ? names.join(', ')
    : `${names.slice(0, shown).join(', ')} and ${names.length - shown} more`;
