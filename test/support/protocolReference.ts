// The reference part of docs/protocol.md and the JSON Schemas, made from the declarations in daemon/protocol.
// test/daemon/protocol/document.test.ts compares, and rewrites with UPDATE_GOLDEN=1.

import type { TSchema } from 'typebox';
import {
  BenchmarkResult,
  EnvironmentSchema,
  FailureSchema,
  LatencySchema,
  MachineSchema,
  MeasurementSchema,
  RatioSchema,
} from '../../daemon/protocol/benchmark';
import { ConcurrencySchema, LoadSchema } from '../../daemon/protocol/benchmarkLoad';
import { DiagnosticSchema, FrameRef, ProgressSchema, ValueSchema } from '../../daemon/protocol/common';
import { VariantSchema } from '../../daemon/protocol/compress';
import { DeploymentSchema } from '../../daemon/protocol/deploy';
import { ErrorCode, errorDescriptions, type ErrorName } from '../../daemon/protocol/errors';
import { EvaluationSchema } from '../../daemon/protocol/evaluate';
import { protocolVersion } from '../../daemon/protocol/handshake';
import { InspectionSchema } from '../../daemon/protocol/inspect';
import { notifications, requests } from '../../daemon/protocol/messages';
import {
  DeviceSchema,
  ModelProfileSchema,
  ProfiledNodeSchema,
  ProfilePartSchema,
} from '../../daemon/protocol/profile';
import { FusionSchema, OutputErrorSchema } from '../../daemon/protocol/quantize';

/** A JSON Schema as far as the declarations use it. */
interface Schema {
  type?: string;
  description?: string;
  const?: unknown;
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  patternProperties?: Record<string, Schema>;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minItems?: number;
  maxItems?: number;
}

const named: Readonly<Record<string, TSchema>> = {
  BenchmarkResult,
  Concurrency: ConcurrencySchema,
  Deployment: DeploymentSchema,
  Device: DeviceSchema,
  Diagnostic: DiagnosticSchema,
  Environment: EnvironmentSchema,
  Evaluation: EvaluationSchema,
  Failure: FailureSchema,
  FrameRef,
  Fusion: FusionSchema,
  Inspection: InspectionSchema,
  Latency: LatencySchema,
  Load: LoadSchema,
  Machine: MachineSchema,
  Measurement: MeasurementSchema,
  ModelProfile: ModelProfileSchema,
  OutputError: OutputErrorSchema,
  ProfiledNode: ProfiledNodeSchema,
  ProfilePart: ProfilePartSchema,
  Progress: ProgressSchema,
  Ratio: RatioSchema,
  Value: ValueSchema,
  Variant: VariantSchema,
};

const plain = (schema: TSchema): Schema => JSON.parse(JSON.stringify(schema)) as Schema;
/** What a schema says, its description aside: the same type may be described anew where it is used. */
const identity = (schema: Schema) => JSON.stringify({ ...schema, description: undefined });
const names = new Map(Object.entries(named).map(([name, schema]) => [identity(plain(schema)), name]));

interface Row {
  path: string;
  type: string;
  required: boolean;
  description: string;
}

/** `a` and `b` of an intersection as one object. */
function merged(schema: Schema): Schema {
  if (!schema.allOf) return schema;
  const parts = schema.allOf.map(merged);
  return {
    type: 'object',
    ...(schema.description === undefined ? {} : { description: schema.description }),
    properties: Object.assign({}, ...parts.map((part) => part.properties)) as Record<string, Schema>,
    required: parts.flatMap((part) => part.required ?? []),
  };
}

function typeText(given: Schema): string {
  const name = names.get(identity(given));
  if (name !== undefined) return `[${name}](#${name.toLowerCase()})`;
  const schema = merged(given);
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' or ');
  if (schema.type === 'array') {
    const items = typeText(schema.items ?? {});
    return `list of ${schema.items?.anyOf ? `(${items})` : items}`;
  }
  if (schema.patternProperties) {
    return `object: name → ${typeText(Object.values(schema.patternProperties)[0] ?? {})}`;
  }
  return schema.type ?? 'any';
}

function limits(schema: Schema): string {
  const { minimum, maximum, exclusiveMinimum, minItems, maxItems } = schema;
  const said: string[] = [];
  if (minimum !== undefined) said.push(`at least ${minimum}`);
  if (exclusiveMinimum !== undefined) said.push(`greater than ${exclusiveMinimum}`);
  if (maximum !== undefined) said.push(`at most ${maximum}`);
  if (minItems !== undefined) said.push(`at least ${minItems} entry`);
  if (maxItems !== undefined) said.push(`at most ${maxItems} entries`);
  return said.length === 0 ? '' : ` (${said.join(', ')})`;
}

/** The objects inside a type that have no name of their own, with the suffix of the path to them. */
function inner(given: Schema): { suffix: string; object: Schema }[] {
  if (names.has(identity(given))) return [];
  const schema = merged(given);
  if (schema.properties) return [{ suffix: '', object: schema }];
  if (schema.anyOf) return schema.anyOf.flatMap(inner);
  if (schema.items)
    return inner(schema.items).map(({ suffix, object }) => ({ suffix: `[]${suffix}`, object }));
  return [];
}

/** One row for each field of an object, nested unnamed objects included. */
export function rowsOf(given: Schema, prefix = ''): Row[] {
  const schema = merged(given);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const own: Row = {
      path,
      type: typeText(field) + limits(field),
      required: schema.required?.includes(name) ?? false,
      description: field.description ?? '',
    };
    const below = inner(field).flatMap(({ suffix, object }) => rowsOf(object, `${path}${suffix}.`));
    return [own, ...below];
  });
}

const escape = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function table(schema: Schema, always = 'Always there'): string {
  const rows = rowsOf(schema).map(
    ({ path, type, required, description }) =>
      `| \`${path}\` | ${escape(type)} | ${required ? 'yes' : 'no'} | ${escape(description)} |`,
  );
  return [`| Field | Type | ${always} | Meaning |`, '|---|---|---|---|', ...rows].join('\n');
}

/** A title with a table of fields, or with the type when it is no object. */
function part(title: string, declared: TSchema): string {
  const schema = plain(declared);
  const type = typeText(schema);
  const isNamed = names.has(identity(schema));
  if (!isNamed && schema.properties) {
    return Object.keys(schema.properties).length === 0
      ? `${title}: \`{}\``
      : `${title}:\n\n${table(schema, title === 'Params' ? 'Required' : 'Always there')}`;
  }
  return `${title}: ${type}${schema.description === undefined || isNamed ? '' : `. ${schema.description}`}`;
}

/** The table of error codes. */
export function errorTable(): string {
  const rows = (Object.keys(ErrorCode) as ErrorName[]).map(
    (name) => `| ${ErrorCode[name]} | \`${name}\` | ${errorDescriptions[name]} |`,
  );
  return ['| Code | Name | Meaning |', '|---|---|---|', ...rows].join('\n');
}

/** Everything between the reference markers of docs/protocol.md. */
export function reference(): string {
  const long = (schema: TSchema) => plain(schema).properties?.['progressToken'] !== undefined;
  const said = requests.map((request) => {
    const parts = [
      `### \`${request.method}\``,
      request.description,
      part('Params', request.params),
      part('Result', request.result),
    ];
    if (long(request.params)) {
      parts.push(request.row ? part('Progress; each `row` is', request.row) : 'Progress without rows.');
    }
    return parts.join('\n\n');
  });
  const told = notifications.map((one) =>
    [
      `### \`${one.method}\``,
      `${one.direction === 'daemonToClient' ? 'Daemon → client.' : 'Client → daemon.'} ${one.description}`,
      part('Params', one.params),
    ].join('\n\n'),
  );
  const types = Object.entries(named).map(([name, schema]) => {
    const { description } = plain(schema);
    return [`### ${name}`, ...(description === undefined ? [] : [description]), table(plain(schema))].join(
      '\n\n',
    );
  });
  return ['## Requests', ...said, '## Notifications', ...told, '## Types', ...types].join('\n\n');
}

/** The content of docs/protocol.schema.json. */
export function schemas(): string {
  const content = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Slipway protocol',
    protocolVersion,
    requests: Object.fromEntries(
      requests.map(({ method, description, params, result, row }) => [
        method,
        { description, params, result, ...(row ? { row } : {}) },
      ]),
    ),
    notifications: Object.fromEntries(
      notifications.map(({ method, direction, description, params }) => [
        method,
        { direction, description, params },
      ]),
    ),
    errors: ErrorCode,
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

/** Fields without a description, as `method params.field`. */
export function undescribed(): string[] {
  const missing: string[] = [];
  const look = (where: string, schema: TSchema) => {
    for (const { path, description } of rowsOf(plain(schema)))
      if (description === '') missing.push(`${where} ${path}`);
  };
  for (const { method, params, result, row } of requests) {
    look(`${method} params`, params);
    look(`${method} result`, result);
    if (row) look(`${method} row`, row);
  }
  for (const { method, params } of notifications) look(`${method} params`, params);
  for (const [name, schema] of Object.entries(named)) look(name, schema);
  return [...new Set(missing)];
}
