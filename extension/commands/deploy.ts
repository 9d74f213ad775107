// Slipway: Deploy to Local Server, Stop Deployment.

import * as vscode from 'vscode';
import { basename } from 'node:path';
import { Deploy, ListDeployments, StopDeployment, type Deployment } from '../../daemon/protocol/deploy';
import type { Context } from '../context';
import { mayRun, pickModel } from './pickModel';

/** Deploys and answers with the deployment, or undefined when the user backed out. */
export async function deploy(context: Context, argument: unknown): Promise<Deployment | undefined> {
  const uri = await pickModel(argument);
  if (!uri || !(await mayRun('Deploying'))) return undefined;
  const deployment = await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: `Deploying ${basename(uri.fsPath)} to a local server`,
      cancellable: true,
    },
    (progress, token) =>
      context.daemon.request(
        Deploy,
        { uri: uri.toString(), target: 'local' },
        { token, onProgress: ({ stage }) => progress.report({ message: stage }) },
      ),
  );
  void offerUse(deployment);
  return deployment;
}

async function offerUse(deployment: Deployment): Promise<void> {
  const copyUrl = 'Copy URL';
  const copyCommand = 'Copy curl Command';
  const answer = await vscode.window.showInformationMessage(
    `${deployment.model} answers at ${deployment.url}, in the Open Inference Protocol (version 2).`,
    copyUrl,
    copyCommand,
  );
  const model = `${deployment.url}/v2/models/${encodeURIComponent(deployment.model)}`;
  if (answer === copyUrl) await vscode.env.clipboard.writeText(deployment.url);
  if (answer === copyCommand) await vscode.env.clipboard.writeText(`curl ${model}`);
}

/** Stops the given deployment, or one that is asked for. */
export async function stopDeployment(context: Context, argument: unknown): Promise<void> {
  const given = argument as Partial<Deployment> | undefined;
  const id = given?.id ?? (await pickRunning(context));
  if (!id) return;
  await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Window,
      title: 'Stopping the server, after the requests that it has',
    },
    () => context.daemon.request(StopDeployment, { id }),
  );
}

async function pickRunning(context: Context): Promise<string | undefined> {
  const running = (await context.daemon.request(ListDeployments, {})).filter(
    ({ state }) => state === 'ready',
  );
  if (running.length === 0) {
    await vscode.window.showInformationMessage('Nothing is deployed.');
    return undefined;
  }
  const choices = running.map(({ id, model, url }) => ({ label: model, description: url, id }));
  return (await vscode.window.showQuickPick(choices, { placeHolder: 'Stop which deployment?' }))?.id;
}
