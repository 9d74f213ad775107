// What the page of a job knows: what the host sent, and what the user is filling in. Values stay per method, so that
// looking at another method loses nothing; they are kept over hiding and reloading of the tab.

import type {
  Field,
  FieldValue,
  FormCondition,
  FormRule,
  FormValues,
  JobPage,
  JobRun,
  MethodForm,
} from '../../daemon/protocol/jobPage';
import type { Estimate } from '../../daemon/protocol/estimate';
import type { PageError } from '../../daemon/protocol/page';

export interface JobState {
  page: JobPage | undefined;
  /** Id of the method shown; the host's first one until the user chooses. */
  method: string | undefined;
  /** Edited values by method; the form's own values where there are none. */
  values: Readonly<Record<string, FormValues>>;
  moreOpen: boolean;
  /** Name of the field whose help is shown. */
  helped: string | undefined;
  /** Sizes that are expected, by method. */
  estimates: Readonly<Record<string, EstimateState>>;
  /** Id of the run shown; the newest one when undefined. */
  shown: number | undefined;
  cancelling: boolean;
  /** Width of the content, pixels. */
  width: number;
}

export type EstimateState =
  | { state: 'none'; last: undefined }
  | { state: 'asking'; last: Estimate | undefined }
  | { state: 'known'; last: Estimate }
  | { state: 'failed'; error: PageError; last: undefined };

export interface Kept {
  method?: string;
  values?: Readonly<Record<string, FormValues>>;
  moreOpen?: boolean;
}

/** Reads what an earlier page kept; anything else is nothing. */
export function readKept(state: unknown): Kept {
  if (typeof state !== 'object' || state === null) return {};
  const { method, values, moreOpen } = state as Kept;
  return {
    ...(typeof method === 'string' ? { method } : {}),
    ...(typeof values === 'object' ? { values } : {}),
    ...(typeof moreOpen === 'boolean' ? { moreOpen } : {}),
  };
}

/** The method that is shown. */
export function methodOf({ page, method }: JobState): MethodForm | undefined {
  return page?.methods.find(({ id }) => id === (method ?? page.method)) ?? page?.methods[0];
}

export const valuesOf = (state: JobState, method: MethodForm): FormValues =>
  state.values[method.id] ?? method.values;

/** The run whose result is shown. */
export const shownRun = ({ page, shown }: JobState): JobRun | undefined =>
  page?.runs.find(({ id }) => id === shown) ?? page?.runs[0];

/** The values with one of them changed, or taken out. */
export function withValue<T>(
  values: Readonly<Record<string, T>>,
  name: string,
  value: T | undefined,
): Record<string, T> {
  const rest = Object.entries(values).filter(([other]) => other !== name);
  return Object.fromEntries(value === undefined ? rest : [...rest, [name, value]]);
}

export const isEmpty = (value: FieldValue | undefined): boolean =>
  value === undefined ||
  value === '' ||
  (Array.isArray(value) ? value.length === 0 : typeof value === 'object' && Object.keys(value).length === 0);

/** What is wrong with a field's value, a sentence; undefined when nothing is. */
export function problemOf(
  { label, control, required }: Field,
  value: FieldValue | undefined,
): string | undefined {
  if (isEmpty(value)) return required ? `${label} is needed.` : undefined;
  if (control.kind === 'number') {
    if (typeof value !== 'number' || !Number.isFinite(value)) return 'This is not a number.';
    if (control.whole && !Number.isInteger(value)) return 'A whole number is needed.';
    const { min, max, above, below } = control;
    if (min !== undefined && value < min) return `At least ${min}.`;
    if (max !== undefined && value > max) return `At most ${max}.`;
    if (above !== undefined && value <= above) return `More than ${above}.`;
    if (below !== undefined && value >= below) return `Less than ${below}.`;
  }
  if (control.kind === 'numbers' && Array.isArray(value)) {
    const wrong = value.find((one) => typeof one !== 'number' || !Number.isInteger(one) || one < control.min);
    if (wrong !== undefined) return `Whole numbers of at least ${control.min}, separated by commas.`;
  }
  if (control.kind === 'sizes' && typeof value === 'object' && !Array.isArray(value)) {
    const wrong = Object.entries(value).find(([, size]) => !Number.isInteger(size));
    if (wrong) return `"${wrong[0]}" needs a whole number, or nothing to stay free.`;
  }
  if (control.kind === 'shares' && typeof value === 'object' && !Array.isArray(value)) {
    const wrong = Object.entries(value).find(([, share]) => !(share >= 0 && share <= 1));
    if (wrong) return `"${wrong[0]}" needs a share from 0 to 1, as in layer=0.3.`;
  }
  return undefined;
}

function holds({ field, is, not, empty }: FormCondition, values: FormValues): boolean {
  const value = values[field];
  if (empty === true) return isEmpty(value);
  if (not !== undefined) return isEmpty(value) || !not.includes(value as string);
  return !isEmpty(value) && (is === undefined || is.includes(value as string));
}

/** What does not go together in the form as it is filled in. */
export const brokenRules = ({ rules }: MethodForm, values: FormValues): FormRule[] =>
  rules.filter(({ when }) => when.every((condition) => holds(condition, values)));

/** The first thing that keeps the form from running. */
export function formProblem(method: MethodForm, values: FormValues): string | undefined {
  for (const field of method.fields) {
    const problem = problemOf(field, values[field.name]);
    if (problem !== undefined) return isEmpty(values[field.name]) ? problem : `${field.label}: ${problem}`;
  }
  const broken = brokenRules(method, values).find(({ stops }) => stops);
  if (broken === undefined) return undefined;
  const label = method.fields.find(({ name }) => name === broken.field)?.label ?? broken.field;
  return `${label}: ${broken.says}`;
}

/** Values without those of fields that the form does not have, and without empty ones. */
export function sentValues(method: MethodForm, values: FormValues): FormValues {
  const names = new Set(method.fields.map(({ name }) => name));
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => names.has(name) && !isEmpty(value)),
  );
}
