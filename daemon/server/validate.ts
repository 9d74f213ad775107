// Checks params against the schema that the protocol declares, and says in a sentence which field is wrong
// and what was expected there.

import type { TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';

/** Undefined when `params` match; otherwise the sentence. */
export function complaint(method: string, schema: TSchema, params: unknown): string | undefined {
  if (Check(schema, params)) return undefined;
  const errors = Errors(schema, params);
  const first = errors[0];
  if (!first) return `The params of ${method} do not match its schema.`;
  if (first.keyword === 'required') {
    const at = valueAt(params, first.instancePath) as Record<string, unknown>;
    const missing = first.params.requiredProperties.filter((name) => at[name] === undefined);
    const path = `${first.instancePath}/${missing[0] ?? ''}`;
    return `${method}: "${fieldName(path)}" is missing; expected ${expected(schemaAt(schema, path))}.`;
  }
  // Of a union every branch complains; the union itself says it better.
  const union = errors.find((e) => e.keyword === 'anyOf' && first.instancePath.startsWith(e.instancePath));
  const path = (union ?? first).instancePath;
  const what = path === '' ? 'The params' : `"${fieldName(path)}"`;
  return `${method}: ${what} must be ${expected(schemaAt(schema, path))}, but got ${shortly(valueAt(params, path))}.`;
}

const parts = (path: string) =>
  path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

const fieldName = (path: string) =>
  parts(path)
    .map((part, i) => (/^\d+$/.test(part) ? `[${part}]` : i === 0 ? part : `.${part}`))
    .join('');

function valueAt(value: unknown, path: string): unknown {
  return parts(path).reduce<unknown>(
    (at, part) => (at as Record<string, unknown> | null | undefined)?.[part],
    value,
  );
}

interface SchemaNode {
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: SchemaNode[];
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  patternProperties?: Record<string, SchemaNode>;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  maxItems?: number;
}

function schemaAt(schema: TSchema, path: string): SchemaNode | undefined {
  return parts(path).reduce<SchemaNode | undefined>(
    (at, part) => at?.properties?.[part] ?? at?.items ?? Object.values(at?.patternProperties ?? {})[0],
    schema,
  );
}

/** What a schema accepts, in words. */
export function expected(schema: SchemaNode | undefined): string {
  if (!schema) return 'something else';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(' or ');
  if (schema.anyOf) return schema.anyOf.map(expected).join(' or ');
  const { minimum, maximum, exclusiveMinimum, minItems, maxItems } = schema;
  const range =
    minimum !== undefined && maximum !== undefined
      ? ` from ${minimum} to ${maximum}`
      : minimum !== undefined
        ? ` of at least ${minimum}`
        : exclusiveMinimum !== undefined
          ? ` greater than ${exclusiveMinimum}`
          : '';
  if (schema.type === 'integer') return `a whole number${range}`;
  if (schema.type === 'number') return `a number${range}`;
  if (schema.type === 'array') {
    const count =
      maxItems !== undefined
        ? ` with ${minItems ?? 0} to ${maxItems} entries`
        : minItems
          ? ` with at least ${minItems} entry`
          : '';
    return `a list${count}`;
  }
  const words: Record<string, string> = {
    string: 'a text',
    boolean: 'true or false',
    object: 'an object',
    null: 'null',
  };
  return words[schema.type ?? ''] ?? 'something else';
}

function shortly(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
