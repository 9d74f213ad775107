// A request's JSON Schema → the fields of a form. The protocol's descriptions become the help of each field.

import { basename } from 'node:path';
import type { Control, Field, FormValues, MethodForm, Option, PathUse } from '../../daemon/protocol/jobPage';
import { helps, outputHelp } from './helps';
import { freeOutput } from './output';
import { dataOffers, modelOffers, saysWhatItIs } from './offers';
import type { Method, Situation } from './job';
import { sampleRules } from './rules';
import { wordOf } from './words';

/** As much of JSON Schema as the protocol uses. */
interface Schema {
  type?: string;
  description?: string;
  enum?: (string | number | boolean)[];
  const?: string | number | boolean;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

/** Not for people: the model itself, and what the host fills in. */
const never = new Set(['uri', 'revision', 'progressToken']);

/** What paths are for, by the names that the protocol gives them. */
const pathUses: Readonly<Record<string, PathUse>> = {
  calibration: 'calibration',
  validation: 'validation',
  data: 'data',
  reference: 'model',
  against: 'model',
  uris: 'model',
  overrides: 'file',
  tokenizer: 'file',
  calibrationCache: 'newFile',
  state: 'newFile',
  output: 'newModel',
};

/** What a field's path is for; undefined for what is no path. `output` names a file only where a model is written. */
function useOf(name: string, method: Method): PathUse | undefined {
  const use = method.paths?.[name] ?? pathUses[name];
  return use === 'newModel' && method.ending === undefined ? undefined : use;
}

/** The form of one way of doing a job. */
export function methodForm(method: Method, situation: Situation): MethodForm {
  const schema = method.request.params as Schema;
  const hidden = new Set([...never, ...Object.keys(method.fixed ?? {}), ...(method.hidden ?? [])]);
  const required = new Set([...(schema.required ?? []), ...(method.needs ?? [])]);
  // An empty name is filled in when it runs: a free one beside the model.
  required.delete('output');
  // The panel's own model is always the first of them.
  required.delete('uris');
  const found = new Map<string, Field>();
  for (const [name, each] of flatten(schema)) {
    if (hidden.has(name) || hidden.has(name.split('.')[0]!)) continue;
    const place = method.front.indexOf(name);
    found.set(name, {
      name,
      label: method.labels?.[name] ?? labelOf(name),
      help: helpOf(name, method) ?? each.description ?? '',
      control: controlOf(name, each, method, situation),
      required: required.has(name),
      more: place < 0,
      absent: method.absent?.[name] ?? 'Automatic',
    });
  }
  const front = method.front.flatMap((name) => found.get(name) ?? []);
  const more = [...found.values()].filter((field) => field.more);
  return {
    id: method.id,
    title: method.title,
    sentence: method.sentence,
    fields: [...front, ...more],
    rules: [...sampleRules, ...(method.rules ?? [])].filter((rule) => found.has(rule.field)),
    values: startValues(method, situation),
    estimates: method.estimate !== undefined,
    verb: method.verb,
  };
}

/** What is said of a field in a form; undefined where the protocol's own sentence does. */
function helpOf(name: string, method: Method): string | undefined {
  if (name === 'output' && method.ending !== undefined) return outputHelp;
  return method.helps?.[name] ?? helps[name];
}

/** Fields by name; parts of nested objects as `load.rate`. */
function flatten(schema: Schema, prefix = ''): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
    each.properties === undefined
      ? [[`${prefix}${name}`, each] as [string, Schema]]
      : flatten(each, `${prefix}${name}.`),
  );
}

/** `calibrationSamples` → "Calibration samples". */
function labelOf(name: string): string {
  const words = name
    .split('.')
    .pop()!
    .replace(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`);
  return words[0]!.toUpperCase() + words.slice(1);
}

function controlOf(name: string, schema: Schema, method: Method, situation: Situation): Control {
  const use = useOf(name, method);
  if (use !== undefined) {
    const offers = use === 'model' ? modelOffers(situation) : dataOffers(use, situation);
    if (schema.type === 'array') return { kind: 'paths', use, offers };
    const placeholder = use === 'newModel' ? outputName(method, situation) : undefined;
    return { kind: 'path', use, offers, ...(placeholder === undefined ? {} : { placeholder }) };
  }
  const taken = allowed(name, method, situation);
  const said = (options: Option[] | undefined) =>
    name === 'device' || name === 'devices'
      ? options?.map((option) => readiness(option, situation))
      : options;
  const choices =
    said(choicesOf(schema, name))?.filter(({ value }) => taken?.includes(value) !== false) ??
    (schema.type === 'string' ? taken?.map((value) => ({ value, label: wordOf(name, value) })) : undefined);
  if (choices !== undefined) return { kind: 'choice', options: choices };
  switch (schema.type) {
    case 'boolean':
      return method.automatic?.includes(name) === true
        ? { kind: 'choice', options: [{ value: true, label: 'Yes' }, { value: false, label: 'No' }] } // prettier-ignore
        : { kind: 'flag' };
    case 'integer':
    case 'number':
      return {
        kind: 'number',
        whole: schema.type === 'integer',
        ...(schema.minimum === undefined ? {} : { min: schema.minimum }),
        ...(schema.maximum === undefined ? {} : { max: schema.maximum }),
        ...(schema.exclusiveMinimum === undefined ? {} : { above: schema.exclusiveMinimum }),
        ...(schema.exclusiveMaximum === undefined ? {} : { below: schema.exclusiveMaximum }),
      };
    case 'array': {
      const options =
        schema.items &&
        said(choicesOf(schema.items, name))?.filter(({ value }) => taken?.includes(value) !== false);
      if (options !== undefined) return { kind: 'many', options };
      return schema.items?.type === 'integer'
        ? { kind: 'numbers', min: schema.items.minimum ?? 0 }
        : { kind: 'names' };
    }
    case 'object':
      if (Object.values(schema.patternProperties ?? {})[0]?.type === 'number') return { kind: 'shares' };
      return { kind: 'sizes', names: situation.dimensions === undefined ? null : [...situation.dimensions] };
    default:
      return { kind: 'text' };
  }
}

/** What an empty name becomes; where that follows from what else is filled in, only that it will be free. */
const outputName = (method: Method, situation: Situation): string =>
  (method.ending?.length ?? 0) > 0
    ? 'A free name beside the model'
    : basename(freeOutput(method, startValues(method, situation), situation));

/** A device with what keeps it from being used, once that is known. */
function readiness(option: Option, { notReady }: Situation): Option {
  const why = notReady?.get(String(option.value));
  return why === undefined ? option : { ...option, note: 'not ready', why };
}

/** The values that a field may take here; undefined: all of its enumeration. */
function allowed(
  name: string,
  { choices }: Method,
  { devices }: Situation,
): readonly (string | number | boolean)[] | undefined {
  return name === 'device' || name === 'devices' ? devices : choices?.[name];
}

/** The values of an enumeration, however it is written; undefined for what is none. */
function choicesOf(schema: Schema, name: string): Option[] | undefined {
  const values =
    schema.enum ??
    (schema.anyOf?.every((one) => one.const !== undefined) === true
      ? schema.anyOf.map((one) => one.const!)
      : undefined);
  return values?.map((value) => ({ value, label: wordOf(name, value) }));
}

function startValues(method: Method, situation: Situation): FormValues {
  const values: FormValues = {};
  for (const [name, schema] of flatten(method.request.params)) {
    const use = useOf(name, method);
    const wanted =
      method.front.includes(name) && (use === 'calibration' || use === 'validation' || use === 'samples');
    // Any file and folder may hold samples; only what is named as such is taken unasked.
    const offers = wanted ? dataOffers(use === 'samples' ? 'validation' : use, situation) : [];
    const [first] = offers.filter((path) => saysWhatItIs(path, situation));
    if (first !== undefined && schema.type === 'string') values[name] = first;
  }
  return { ...values, ...(method.start?.(situation) ?? {}) };
}
