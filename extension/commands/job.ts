// Commands that open the panel of a job: Quantize, Prune, Share Weights, Optimize, Convert Precision, …
// One panel for each job and model; asked again, it comes to the front.

import { availableParallelism } from 'node:os';
import type * as vscode from 'vscode';
import { GetMachine } from '../../daemon/protocol/daemon';
import { Open } from '../../daemon/protocol/inspect';
import type { Context } from '../context';
import { devicesNotReady } from '../daemon/devices';
import type { Job } from '../jobs/job';
import { JobPanel, namesBeside, type JobStart } from '../panels/jobPanel';
import { mayRun, pickModel } from './pickModel';

const panels = new Map<string, JobPanel>();

/** Opens the panel of a job for the model that the command is about; undefined when the user backed out. */
export async function openJob(
  context: Context,
  job: Job,
  argument: unknown,
  start: JobStart = {},
): Promise<JobPanel | undefined> {
  const model = await pickModel(argument);
  // Looking at what was run before runs nothing.
  if (!model || (!start.restored && !(await mayRun(job.doing)))) return undefined;
  const key = `${job.id} ${model.toString()}`;
  const known = panels.get(key);
  if (known && (start.values === undefined || start.run !== true)) {
    known.reveal();
    if (start.values) known.fill(start.method, start.values);
    if (start.restored) known.restore(start.restored);
    return known;
  }
  // The panel is there at once, and takes the focus then or not at all: what the daemon knows fills in.
  const beside = await namesBeside(model);
  const situation = {
    model: model.fsPath,
    beside,
    cores: availableParallelism(),
    devices: ['cpu'],
    bytes: null,
  };
  const panel = new JobPanel(context, job, model, situation, start);
  panels.set(key, panel);
  panel.onClosed(() => {
    if (panels.get(key) === panel) panels.delete(key);
  });
  void learn(context, job, model, panel);
  return panel;
}

/** What a command was given beside the model: only our own pages give it; a tree or a menu gives other things. */
export function jobStart(argument: unknown): JobStart {
  return typeof argument === 'object' && argument !== null && 'values' in argument
    ? (argument as JobStart)
    : {};
}

/** What the form is made for beyond the folder: the machine, the free dimensions of the model, its size. */
async function learn(context: Context, job: Job, model: vscode.Uri, panel: JobPanel): Promise<void> {
  const { daemon, log } = context;
  try {
    const { offered } = await daemon.request(GetMachine, {});
    const { inspection } = await daemon.request(Open, { uri: model.toString() });
    const dimensions = new Set<string>();
    for (const { shape } of inspection.inputs) {
      for (const dim of shape ?? []) if (typeof dim === 'string') dimensions.add(dim);
    }
    const bytes = inspection.fileBytes + inspection.externalBytes;
    panel.learn({ devices: offered, dimensions: [...dimensions], bytes });
    if (asksForDevice(job) && (offered ?? []).length > 1)
      panel.learn({ notReady: await devicesNotReady(context) });
  } catch (error) {
    // The form can be filled without; a run says what is wrong with the model.
    log.debug(`${model.fsPath}: ${String(error)}`);
    panel.learn({ dimensions: [] });
  }
}

const asksForDevice = ({ methods }: Job): boolean =>
  methods.some(({ front }) => front.includes('device') || front.includes('devices'));
