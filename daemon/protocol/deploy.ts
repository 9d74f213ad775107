// Put a model to work and watch it.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { notification, request } from './core';

export const DeploymentSchema = Type.Object(
  {
    id: Type.String({ description: 'Id of the deployment.' }),
    target: Type.String({ description: 'Target name: `local`.' }),
    model: Type.String({ description: 'Name under which the model is served.' }),
    file: Type.String({ description: 'Path of the model that was deployed.' }),
    url: Type.String({ description: 'Base URL of the service; empty while `starting`.' }),
    digest: Type.String({ description: 'SHA-256 of the deployed bundle, `sha256:…`.' }),
    state: Type.Union(
      [
        Type.Literal('starting'),
        Type.Literal('ready'),
        Type.Literal('draining'),
        Type.Literal('stopped'),
        Type.Literal('failed'),
      ],
      { description: 'What it is doing.' },
    ),
    checks: Type.Array(DiagnosticSchema, { description: 'What was noticed while deploying.' }),
  },
  { description: 'A running service.' },
);
export type Deployment = Static<typeof DeploymentSchema>;

export const Deploy = request('slipway/deploy', {
  description: 'Serves a model on a target; answers when it is ready.',
  params: Type.Object({
    ...modelRef,
    target: Type.Literal('local', { description: 'Where: `local` is a server process on this machine.' }),
    port: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 65535, description: 'Port; a free one when absent or 0.' }),
    ),
    name: Type.Optional(Type.String({ description: 'Name to serve it under; the file name when absent.' })),
    ...longRequest,
  }),
  result: DeploymentSchema,
});

export const ListDeployments = request('slipway/deployments', {
  description: 'The deployments of this daemon, newest first.',
  params: Type.Object({}),
  result: Type.Array(DeploymentSchema),
});

export const StopDeployment = request('slipway/stopDeployment', {
  description: 'Drains and stops a deployment.',
  params: Type.Object({ id: Type.String({ description: 'Id of the deployment.' }) }),
  result: DeploymentSchema,
});

export const DeploymentChanged = notification('slipway/deploymentChanged', {
  direction: 'daemonToClient',
  description:
    'A deployment changed its state. Every connection hears of it; the one that asked, before its answer.',
  params: DeploymentSchema,
});
