// Whether feeds fit a session's inputs. ONNX Runtime's own words leave out the input's name, so the check is
// done before a run, and says which input, what was expected and what was given.

import { badRequest } from '../../base/errors';
import { arrayTypes } from './arrayTypes';
import type { ElementType, Feeds, SessionValue, TensorValue } from './session';

/** `1×1×32×32`; a free dimension by its name or `?`; a scalar as `scalar`. */
export const dimsText = (dims: readonly (number | string | null)[]): string =>
  dims.length === 0 ? 'scalar' : dims.map((dim) => dim ?? '?').join('×');

const describe = (type: ElementType, dims: readonly (number | string | null)[]) =>
  `${type} ${dimsText(dims)}`;

/** Throws `badRequest` with a sentence when an input is missing, unknown, or of the wrong type, rank, shape or length. */
export function checkFeeds(model: string, inputs: readonly SessionValue[], feeds: Feeds): void {
  for (const input of inputs) {
    const value = feeds[input.name];
    if (value === undefined) {
      throw badRequest(
        `${model} needs input "${input.name}" (${describe(input.type, input.dims)}), which was not given. ${givenText(feeds)}`,
      );
    }
    checkValue(model, input, value);
  }
  const known = new Set(inputs.map((input) => input.name));
  const extra = Object.keys(feeds).find((name) => !known.has(name));
  if (extra !== undefined) {
    const names = inputs.map((input) => `"${input.name}"`).join(', ');
    throw badRequest(`${model} has no input "${extra}". Its inputs are ${names === '' ? 'none' : names}.`);
  }
}

function checkValue(model: string, input: SessionValue, value: TensorValue): void {
  const hint =
    input.dims.length === 0 && value.dims.length > 0
      ? ' Where it comes from a file of data, store a single value (an array without dimensions), which goes to every sample.'
      : '';
  const wrong = (why: string) =>
    badRequest(
      `Input "${input.name}" of ${model} ${why}: expected ${describe(input.type, input.dims)}, given ${describe(value.type, value.dims)}.${hint}`,
      {
        input: input.name,
        expected: { type: input.type, dims: input.dims },
        given: { type: value.type, dims: value.dims },
      },
    );
  if (value.type !== input.type) throw wrong('has the wrong element type');
  if (value.dims.length !== input.dims.length) throw wrong('has the wrong number of dimensions');
  const index = input.dims.findIndex((dim, at) => typeof dim === 'number' && dim !== value.dims[at]);
  if (index >= 0) throw wrong(`has the wrong shape (dimension ${index})`);
  const elements = value.dims.reduce((product, dim) => product * dim, 1);
  if (!(value.data instanceof arrayTypes[value.type])) {
    throw badRequest(
      `Input "${input.name}" of ${model}: ${value.type} values must come in a ${arrayTypes[value.type].name}.`,
    );
  }
  if (value.data.length !== elements) {
    throw badRequest(
      `Input "${input.name}" of ${model}: shape ${dimsText(value.dims)} holds ${elements} values, but ${value.data.length} were given.`,
    );
  }
}

function givenText(feeds: Feeds): string {
  const names = Object.keys(feeds);
  if (names.length === 0) return 'No inputs were given.';
  const shown = names.slice(0, 8).map((name) => `"${name}"`);
  return `Given: ${shown.join(', ')}${names.length > shown.length ? ', …' : ''}.`;
}
