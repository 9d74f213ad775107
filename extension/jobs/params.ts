// What the form holds → the params of the request. Pure, but for the spelling of URIs, which comes in.

import type { FieldValue, FormValues } from '../../daemon/protocol/jobPage';
import type { Method } from './job';

/** Fields that name models: the protocol takes them as URIs. */
const models = new Set(['against', 'reference']);

/** Params of the request, without a progress token. */
export function paramsOf(
  method: Method,
  values: FormValues,
  model: string,
  uriOf: (path: string) => string,
): Record<string, unknown> {
  const params: Record<string, unknown> = {};
  const put = (name: string, value: unknown) => {
    const parts = name.split('.');
    let target = params;
    for (const part of parts.slice(0, -1)) target = (target[part] ??= {}) as Record<string, unknown>;
    target[parts.at(-1)!] = value;
  };
  for (const [name, value] of Object.entries({ ...values, ...(method.fixed ?? {}) })) {
    if (isEmpty(value) || name === 'uris') continue;
    if (models.has(name) && typeof value === 'string') put(name, uriOf(value));
    else put(name, value);
  }
  const properties = (method.request.params as { properties?: object }).properties ?? {};
  if ('uris' in properties) {
    const others = Array.isArray(values['uris']) ? values['uris'].map(String) : [];
    params['uris'] = [model, ...others.filter((path) => path !== model)].map(uriOf);
  } else params['uri'] = uriOf(model);
  return params;
}

/** Nothing was chosen: the daemon decides. */
export function isEmpty(value: FieldValue | undefined): boolean {
  if (value === undefined || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
