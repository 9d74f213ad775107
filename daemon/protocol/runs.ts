// The history of jobs: what was run on which state of which model, and what came out.

import { Type, type Static, type TSchema } from 'typebox';
import { modelRef } from './common';
import { notification, request } from './core';

const optional = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });

export const RunModelSchema = Type.Object(
  {
    role: Type.Union([Type.Literal('model'), Type.Literal('against'), Type.Literal('reference')], {
      description: 'Its part in the job: measured or worked on, compared with, or giving wanted outputs.',
    }),
    path: Type.String({ description: 'Path of the model.' }),
    digest: optional(
      Type.String(),
      'SHA-256 of the file, `sha256:…`; with external data, of the list of the digests of all its files. Null when it could not be read.',
    ),
    fileBytes: optional(Type.Integer(), 'Bytes on disk, external data included.'),
  },
  { description: 'A model as it was when the job began.' },
);
export type RunModel = Static<typeof RunModelSchema>;

export const RunFigureSchema = Type.Object(
  {
    name: Type.String({ description: 'What it is: `p50`, `top1`, `size`.' }),
    value: Type.Number({ description: 'The value.' }),
    unit: Type.String({ description: 'Its unit: `ms`, `MB`, `×`; empty for shares and scores.' }),
    low: Type.Optional(Type.Number({ description: 'Lower end of its 95 % interval.' })),
    high: Type.Optional(Type.Number({ description: 'Upper end of its 95 % interval.' })),
    better: Type.Optional(
      Type.Union([Type.Literal('lower'), Type.Literal('higher')], { description: 'Which way is better.' }),
    ),
    model: Type.Optional(Type.String({ description: 'Path of the model that it is of.' })),
    chosen: Type.Optional(
      Type.Literal(true, { description: 'Of the version that the job chose of those it made.' }),
    ),
    setting: Type.Optional(
      Type.String({ description: 'How it was measured, `cpu, threads 1, batch 1`: like goes with like.' }),
    ),
  },
  { description: 'One of the figures that a job came to.' },
);
export type RunFigure = Static<typeof RunFigureSchema>;

const summary = {
  id: Type.String({ description: 'Id of the run; ids sort by time.' }),
  method: Type.String({ description: 'The request that it answered: `slipway/benchmark`.' }),
  title: Type.String({ description: 'What was done, in words.' }),
  state: Type.Union(
    [
      Type.Literal('running'),
      Type.Literal('done'),
      Type.Literal('failed'),
      Type.Literal('cancelled'),
      Type.Literal('interrupted'),
    ],
    { description: 'How it stands; `interrupted` when its process ended in the middle of it.' },
  ),
  models: Type.Array(RunModelSchema, { description: 'The models, those worked on first.' }),
  startedAt: Type.String({ description: 'When the work began, ISO 8601.' }),
  durationMs: optional(Type.Number(), 'How long it took, milliseconds, waiting for other jobs not counted.'),
  figures: Type.Array(RunFigureSchema, { description: 'The main figures, as far as they were measured.' }),
  error: optional(Type.String(), 'Why it failed, a sentence.'),
  client: Type.Union([Type.Literal('daemon'), Type.Literal('cli')], {
    description: 'Which of the two ran it.',
  }),
  version: Type.String({ description: 'Version of Slipway.' }),
};

export const RunSummarySchema = Type.Object(summary, { description: 'A run without its result.' });
export type RunSummary = Static<typeof RunSummarySchema>;

export const RunRecordSchema = Type.Object(
  {
    ...summary,
    params: Type.Unknown({ description: 'The params of the request, as `method` declares them.' }),
    result: Type.Unknown({
      description: 'The result, as `method` declares it; null unless `state` is `done`.',
    }),
    rows: Type.Array(Type.Unknown(), {
      description:
        'Of a run that did not finish: the progress rows, that is, what had been measured before; else empty.',
    }),
  },
  { description: 'A run with all that is known of it.' },
);
export type RunRecord = Static<typeof RunRecordSchema>;

export const ListRuns = request('slipway/runs/list', {
  description: 'The history of jobs of this user, newest first.',
  params: Type.Object({
    uri: Type.Optional(
      Type.String({ description: 'URI of a model: its runs only, whatever the file held then.' }),
    ),
    digest: Type.Optional(
      Type.String({ description: 'Runs of models with this digest, wherever they lay.' }),
    ),
    methods: Type.Optional(
      Type.Array(Type.String(), { description: 'Requests, such as `slipway/benchmark`; all when absent.' }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'At most so many; 200 when absent.' }),
    ),
  }),
  result: Type.Object({
    runs: Type.Array(RunSummarySchema, { description: 'Newest first.' }),
    folder: Type.String({ description: 'Where the records lie, one JSON file each.' }),
  }),
});

export const GetRun = request('slipway/runs/get', {
  description: 'One run with its params and result; `notFound` when there is none of that id.',
  params: Type.Object({ id: Type.String({ description: 'Id of the run.' }) }),
  result: RunRecordSchema,
});

export const RemoveRuns = request('slipway/runs/remove', {
  description: 'Removes runs from the history; a running one stays. Unknown ids are ignored.',
  params: Type.Object({
    ids: Type.Array(Type.String(), { description: 'Ids of the runs.' }),
  }),
  result: Type.Object({ removed: Type.Array(Type.String(), { description: 'Ids that are gone now.' }) }),
});

export const GetDigest = request('slipway/digest', {
  description: 'The digest of a model as it is now, to find its runs by.',
  params: Type.Object({ ...modelRef }),
  result: Type.Object({
    digest: Type.String({ description: '`sha256:…`, as in the runs.' }),
    fileBytes: Type.Integer({ description: 'Bytes on disk, external data included.' }),
  }),
});

export const RunChanged = notification('slipway/runChanged', {
  direction: 'daemonToClient',
  description:
    'A run began, has a new figure, ended, or was removed, here or by a command or another daemon of this user. Every connection hears of it.',
  params: Type.Object({
    id: Type.String({ description: 'Id of the run.' }),
    run: optional(RunSummarySchema, 'The run; null when it was removed.'),
  }),
});
