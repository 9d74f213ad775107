// The command line that does what the form says: `slipway quantize MODEL -o OUT --method static …`.

import type { FieldValue, FormValues } from '../../daemon/protocol/jobPage';
import type { Method } from './job';
import { isEmpty } from './params';

export function commandLine(method: Method, values: FormValues, model: string): string {
  return commandWords(method, values, model).map(shellWord).join(' ');
}

/** The same before quoting. */
export function commandWords(method: Method, values: FormValues, model: string): string[] {
  const { name, words = [], options = {}, takes } = method.command;
  const taken = takes === undefined ? undefined : values[takes];
  const line =
    typeof taken === 'string' ? ['slipway', name, taken, '--model', model] : ['slipway', name, model];
  const others = values['uris'];
  if (Array.isArray(others)) line.push(...others.map(String));
  const output = method.ending === undefined ? undefined : values['output'];
  if (typeof output === 'string' && output !== '') line.push('-o', output);
  line.push(...words);
  for (const [field, value] of Object.entries(values)) {
    if (field === 'uris' || field === takes || (field === 'output' && output !== undefined) || isEmpty(value))
      continue;
    const how = options[field];
    if (how === null) continue;
    if (typeof how === 'function') line.push(...how(value));
    else line.push(...optionWords(how ?? kebab(field), value));
  }
  return line;
}

function optionWords(option: string, value: FieldValue): string[] {
  if (value === true) return [`--${option}`];
  if (value === false) return [`--no-${option}`];
  if (Array.isArray(value)) return [`--${option}`, value.join(',')];
  if (typeof value === 'object') {
    const parts = Object.entries(value).map(([name, size]) => `${name}=${size}`);
    return [`--${option}`, parts.join(',')];
  }
  return [`--${option}`, String(value)];
}

/** `calibrationSamples` → `calibration-samples`; of a nested field the last part. */
const kebab = (field: string): string =>
  field
    .split('.')
    .pop()!
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Quoted for a POSIX shell where it must be. */
const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
