// Entry point of the extension: registers what VS Code calls. No ONNX knowledge here or anywhere in extension/.

import * as vscode from 'vscode';
import type { Deployment } from '../daemon/protocol/deploy';
import { check } from './commands/check';
import { compare, compareText } from './commands/compare';
import { compress } from './commands/compress';
import { saveCost, showCost } from './commands/cost';
import { deploy, stopDeployment } from './commands/deploy';
import { showDevices } from './commands/devices';
import { inspect } from './commands/inspect';
import { jobStart, openJob } from './commands/job';
import { openRecipe } from './commands/recipe';
import { compareRuns, openRun, removeRuns, showHistory } from './commands/runs';
import { createContext } from './context';
import { ModelEditor, textViewType, viewType } from './editor/modelEditor';
import { jobs } from './jobs/table';
import { openText, startWithTexts } from './language/openText';
import { recipeFiles } from './language/recipeLenses';
import { DeploymentsView } from './views/deployments';
import { ModelsView } from './views/models';
import { RunsView } from './views/runs';

/** Jobs whose command is about a model alone; a recipe is a file of its own. */
const others = jobs.filter(({ id }) => id !== 'recipe');

export function activate(extension: vscode.ExtensionContext): void {
  const context = createContext(extension);
  const models = new ModelsView();
  const deployments = new DeploymentsView(context.daemon);
  const runs = new RunsView(context.daemon);
  const command = (name: string, run: (argument: unknown, ...more: unknown[]) => unknown) =>
    vscode.commands.registerCommand(name, async (argument: unknown, ...more: unknown[]) => {
      try {
        return await run(argument, ...more);
      } catch (error) {
        if (error instanceof vscode.CancellationError) return undefined;
        const message = error instanceof Error ? error.message : String(error);
        context.log.error(`${name}: ${error instanceof Error ? (error.stack ?? message) : message}`);
        void offerLog(message);
        return undefined;
      }
    });
  const modelEditor = new ModelEditor(context);
  extension.subscriptions.push(
    ...[viewType, textViewType].map((type) =>
      vscode.window.registerCustomEditorProvider(type, modelEditor, {
        supportsMultipleEditorsPerDocument: true,
      }),
    ),
    models,
    deployments,
    runs,
    vscode.window.registerTreeDataProvider('slipway.models', models),
    vscode.window.registerTreeDataProvider('slipway.deployments', deployments),
    vscode.languages.registerCodeLensProvider(recipeFiles, context.recipes),
    startWithTexts(context),
    command('slipway.inspect', inspect),
    command('slipway.cost', (argument) => showCost(context, argument)),
    command('slipway.saveCost', (argument) => saveCost(context, argument)),
    command('slipway.check', (argument) => check(context, argument)),
    command('slipway.openText', (argument) => openText(context, argument)),
    command('slipway.compare', (argument) => compare(context, argument)),
    command('slipway.compareText', (argument) => compareText(context, argument)),
    command('slipway.showChange', (argument) => context.changes.select(argument as never)),
    command('slipway.compress', (argument) => compress(context, argument)),
    command('slipway.recipe', (argument, start) => openRecipe(context, argument, jobStart(start))),
    ...others.map((job) =>
      command(`slipway.${job.id}`, async (argument, start) => {
        await openJob(context, job, argument, jobStart(start));
      }),
    ),
    command('slipway.openRun', (argument) => openRun(context, argument)),
    command('slipway.history', (argument) => showHistory(context, argument)),
    command('slipway.compareRuns', (argument, more) => compareRuns(context, argument, more)),
    command('slipway.removeRuns', (argument, more) => removeRuns(context, argument, more)),
    command('slipway.refreshRuns', () => runs.refresh()),
    command('slipway.deploy', (argument) => deploy(context, argument)),
    command('slipway.stopDeployment', (argument) => stopDeployment(context, argument)),
    command('slipway.copyDeploymentUrl', (argument) =>
      vscode.env.clipboard.writeText((argument as Deployment).url),
    ),
    command('slipway.refreshModels', () => models.refresh()),
    command('slipway.gettingStarted', () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', `${extension.extension.id}#start`),
    ),
    command('slipway.showDevices', () => showDevices(context)),
    command('slipway.showLog', () => context.log.show()),
    command('slipway.restartDaemon', () => context.daemon.restart()),
  );
}

async function offerLog(message: string): Promise<void> {
  const show = 'Show Log';
  if ((await vscode.window.showErrorMessage(message, show)) === show) {
    await vscode.commands.executeCommand('slipway.showLog');
  }
}
