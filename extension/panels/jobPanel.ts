// The panel of one job on one model: a form, runs with progress, and their results. It keeps everything that the page
// shows and sends the whole of it whenever something changed; what a job is, is data (extension/jobs).

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { EstimateSize } from '../../daemon/protocol/estimate';
import type { Overlay } from '../../daemon/protocol/overlay';
import { ResultOverlays } from '../../daemon/protocol/resultOverlays';
import { ErrorCode } from '../../daemon/protocol/errors';
import type {
  FormValues,
  JobFromPage,
  JobPage,
  JobRequests,
  JobResult,
  JobRun,
  JobToPage,
} from '../../daemon/protocol/jobPage';
import type { RequestMap } from '../../daemon/protocol/page';
import { Channel } from '../../daemon/protocol/pageChannel';
import type { Context } from '../context';
import { describeFailure } from '../daemon/failure';
import { commandLine } from '../jobs/commandLine';
import { methodForm } from '../jobs/form';
import type { Job, Method, Situation } from '../jobs/job';
import { withOutput } from '../jobs/output';
import { paramsOf } from '../jobs/params';
import { followPanel } from './activeModel';
import { mountPage, panelIcon } from './page';
import { pickPath } from './pickPath';

/** Sends to the page at most this often, milliseconds. */
const refreshMs = 100;

/** What the form is made for, with the size of the model once it is known. */
type Known = Situation & { readonly bytes: number | null };

export interface JobStart {
  readonly method?: string | undefined;
  readonly values?: FormValues | undefined;
  /** Runs at once, when nothing that is needed is missing. */
  readonly run?: boolean | undefined;
  /** A run of the history, to be shown with its result. */
  readonly restored?: { readonly id: string; readonly run: Omit<JobRun, 'id'> } | undefined;
}

export class JobPanel {
  private readonly panel: vscode.WebviewPanel;
  private readonly channel: Channel<JobToPage, JobFromPage, RequestMap, JobRequests>;
  private readonly ended = new vscode.EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;
  private running: vscode.CancellationTokenSource | undefined;
  /** What can be painted, by run. */
  private readonly overlays = new Map<number, readonly Overlay[]>();
  private alive = true;
  private page: JobPage;
  private nextRun = 1;
  /** Runs of the history that are shown here, by their ids there. */
  private readonly restored = new Map<string, number>();

  /** The user closed it. */
  readonly onClosed = this.ended.event;

  constructor(
    private readonly context: Context,
    private readonly job: Job,
    private readonly model: vscode.Uri,
    private situation: Known,
    start: JobStart = {},
  ) {
    const name = basename(model.fsPath);
    const methods = job.methods.map((method) => methodForm(method, situation));
    // Without a wish, one that can run as it is: some need data that may not be there.
    const ready = ({ fields, values }: (typeof methods)[number]) =>
      fields.every(({ name, required }) => !required || name in values);
    const first = methods.find(({ id }) => id === start.method) ?? methods.find(ready) ?? methods[0]!;
    if (start.values) first.values = { ...first.values, ...start.values };
    this.page = {
      job: job.id,
      title: job.title,
      model: { name, file: model.fsPath, bytes: situation.bytes },
      methods,
      method: first.id,
      filled: 0,
      runs: [],
      trusted: vscode.workspace.isTrusted,
      front: undefined,
    };
    const title = `${job.title} ${name}`;
    this.panel = vscode.window.createWebviewPanel(
      'slipway.job',
      title,
      { viewColumn: vscode.ViewColumn.Active },
      { retainContextWhenHidden: false },
    );
    this.panel.iconPath = panelIcon(context);
    followPanel(this.panel, model);
    this.channel = new Channel<JobToPage, JobFromPage, RequestMap, JobRequests>(
      mountPage(context, this.panel.webview, 'job', title),
      {
        onNote: (note) => void this.receive(note),
        onError: (error) => context.log.error(`${job.id} panel: ${String(error)}`),
        requests: {
          pick: ({ method, field }) => this.pick(method, field),
          estimate: ({ method, values }) => this.estimate(method, values),
          command: async ({ method, values }) => {
            const chosen = this.method(method);
            return commandLine(chosen, await this.complete(chosen, values), this.model.fsPath);
          },
        },
      },
    );
    if (start.restored) this.restore(start.restored);
    if (start.run === true && ready(first)) void this.run(this.method(first.id), first.values);
    const trust = vscode.workspace.onDidGrantWorkspaceTrust(() => this.update({ trusted: true }));
    this.panel.onDidDispose(() => {
      this.alive = false;
      clearTimeout(this.timer);
      this.running?.cancel();
      trust.dispose();
      this.channel.dispose();
      this.ended.fire();
      this.ended.dispose();
    });
  }

  /** Brings it to the front. */
  reveal(): void {
    this.panel.reveal();
  }

  /** Puts values into the form of a method, and shows it. */
  fill(method: string | undefined, values: FormValues): void {
    const shown = method ?? this.page.method;
    const methods = this.page.methods.map((form) => (form.id === shown ? { ...form, values } : form));
    this.update({ methods, method: shown, filled: this.page.filled + 1 });
  }

  /** Shows a run of the history: its values in the form, its result beside it. */
  restore({ id, run }: NonNullable<JobStart['restored']>): void {
    const known = this.restored.get(id);
    const shown = known ?? this.nextRun++;
    this.restored.set(id, shown);
    if (known === undefined) this.update({ runs: [{ ...run, id: shown }, ...this.page.runs] });
    this.fill(run.method, run.values);
    this.update({ front: shown });
    if (known === undefined && run.result)
      void this.offerOverlays(shown, this.method(run.method), run.result.value, false);
  }

  private method(id: string): Method {
    const found = this.job.methods.find((method) => method.id === id);
    if (!found) throw new Error(`${this.job.id} has no method ${id}`);
    return found;
  }

  private update(change: Partial<JobPage>): void {
    this.page = { ...this.page, ...change };
    if (!this.alive) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, refreshMs);
  }

  private updateRun(id: number, change: Partial<JobRun>): void {
    this.update({ runs: this.page.runs.map((run) => (run.id === id ? { ...run, ...change } : run)) });
  }

  private send(): void {
    if (this.alive) this.channel.notify({ kind: 'page', page: this.page });
  }

  private async pick(method: string, field: string): Promise<string | null> {
    const form = this.page.methods.find(({ id }) => id === method);
    const control = form?.fields.find(({ name }) => name === field)?.control;
    if (control?.kind !== 'path' && control?.kind !== 'paths') return null;
    return pickPath(control.use, this.model);
  }

  private async estimate(id: string, values: FormValues) {
    const change = this.method(id).estimate?.(values);
    if (!change) throw new Error(`${id} has no estimate`);
    return this.context.daemon.request(EstimateSize, { uri: this.model.toString(), ...change });
  }

  /** What lies beside the model changes while the panel is open: offers and free names follow. */
  private async refresh(): Promise<void> {
    const beside = await namesBeside(this.model);
    if (beside.length === 0 || beside.join('/') === this.situation.beside.join('/')) return;
    this.learn({ beside });
  }

  /** More is known of what the form is made for: it follows, and what was filled in stays. */
  learn(more: Partial<Known>): void {
    this.situation = { ...this.situation, ...more };
    const methods = this.page.methods.map(({ id, values }) => ({
      ...methodForm(this.method(id), this.situation),
      values,
    }));
    this.update({ methods, model: { ...this.page.model, bytes: this.situation.bytes } });
  }

  private async receive(note: JobFromPage): Promise<void> {
    switch (note.kind) {
      case 'ready':
        this.send();
        await this.refresh();
        return;
      case 'run':
        await this.run(this.method(note.method), note.values);
        return;
      case 'cancel':
        this.running?.cancel();
        return;
      case 'open':
        await vscode.commands.executeCommand('slipway.inspect', vscode.Uri.file(note.file));
        return;
      case 'copy':
        await vscode.env.clipboard.writeText(note.text);
        vscode.window.setStatusBarMessage('Slipway: copied to the clipboard', 4000);
        return;
      case 'delete':
        await this.delete(note.run);
        return;
      case 'manageTrust':
        await vscode.commands.executeCommand('workbench.trust.manage');
        return;
      case 'differences':
        await vscode.commands.executeCommand('slipway.compare', {
          a: this.model,
          b: vscode.Uri.file(note.file),
        });
        return;
      case 'compare':
        await vscode.commands.executeCommand('slipway.benchmark', this.model, {
          values: { uris: [note.file] },
          run: true,
        });
        return;
      case 'evaluate':
        await vscode.commands.executeCommand('slipway.evaluate', vscode.Uri.file(note.file), {
          values: { against: this.model.fsPath },
          run: true,
        });
        return;
      case 'deploy':
        await vscode.commands.executeCommand('slipway.deploy', vscode.Uri.file(note.file));
        return;
      case 'layers':
        await this.measureLayers(note.run);
        return;
      case 'paint':
        await this.paint(note.run, note.overlay);
    }
  }

  /** The form's values with a name for what it writes that is free now. */
  private async complete(method: Method, values: FormValues): Promise<FormValues> {
    return withOutput(method, values, { model: this.model.fsPath, beside: await namesBeside(this.model) });
  }

  private async run(method: Method, given: FormValues): Promise<void> {
    if (this.running || !vscode.workspace.isTrusted) return;
    const source = (this.running = new vscode.CancellationTokenSource());
    const values = await this.complete(method, given);
    const id = this.nextRun++;
    const run: JobRun = {
      id,
      method: method.id,
      title: method.title,
      values,
      command: commandLine(method, values, this.model.fsPath),
      state: 'running',
      progress: { stage: 'Starting' },
      rows: [],
      result: null,
      error: null,
      deleted: false,
      left: null,
      overlays: [],
    };
    this.update({ runs: [run, ...this.page.runs], method: method.id });
    const started = Date.now();
    try {
      const uriOf = (path: string) => vscode.Uri.file(path).toString();
      const params = paramsOf(method, values, this.model.fsPath, uriOf);
      const value = await this.context.daemon.request(method.request, params, {
        token: source.token,
        onProgress: ({ row, ...progress }) => {
          const rows = this.page.runs.find((one) => one.id === id)?.rows ?? [];
          this.updateRun(id, {
            progress,
            ...(row === undefined ? {} : { rows: [...rows, row as JobRun['rows'][number]] }),
          });
        },
      });
      const result = { kind: method.result, value } as JobResult;
      this.updateRun(id, { state: 'done', progress: null, result });
      if (result.kind === 'recipe') this.context.recipes.put(result.value);
      await this.offerOverlays(id, method, value);
    } catch (error) {
      const failure = describeFailure(error);
      const left = await writtenSince(values['output'], started);
      if (failure.code === ErrorCode.requestCancelled)
        this.updateRun(id, { state: 'cancelled', progress: null, left });
      else this.updateRun(id, { state: 'failed', progress: null, error: failure, left });
    } finally {
      source.dispose();
      this.running = undefined;
    }
    await this.refresh();
  }

  /** Values per node that a result has: the editors of the model can paint them from now on. */
  private async offerOverlays(
    id: number,
    method: Method,
    result: unknown,
    show = method.paints === true,
  ): Promise<void> {
    try {
      const { overlays } = await this.context.daemon.request(ResultOverlays, {
        method: method.request.method,
        result,
      });
      if (overlays.length === 0) return;
      this.overlays.set(id, overlays);
      this.context.overlays.put(this.model.toString(), overlays, show);
      this.updateRun(id, { overlays: overlays.map(({ title }) => title) });
    } catch (error) {
      // The result itself is there; only its picture on the graph is not.
      this.context.log.warn(`${this.job.id}: ${String(error)}`);
    }
  }

  /** Measures what every layer of the model loses by rounding, with the data of a run. */
  private async measureLayers(id: number): Promise<void> {
    const values = this.page.runs.find((one) => one.id === id)?.values ?? {};
    const kept = ['calibration', 'perTensor', 'exclude', 'excludeOps', 'include', 'includeOps'];
    await vscode.commands.executeCommand('slipway.sensitivity', this.model, {
      method: 'sensitivity',
      values: Object.fromEntries(Object.entries(values).filter(([name]) => kept.includes(name))),
      run: true,
    });
  }

  /** Opens the model with one overlay of a run painted. */
  private async paint(id: number, title: string): Promise<void> {
    const overlay = this.overlays.get(id)?.find((one) => one.title === title);
    if (overlay === undefined) return;
    await vscode.commands.executeCommand('slipway.inspect', this.model);
    this.context.overlays.put(this.model.toString(), [overlay]);
  }

  /** Moves what a run wrote to the trash, after a question. */
  private async delete(id: number): Promise<void> {
    const run = this.page.runs.find((one) => one.id === id);
    const file = run?.result && 'output' in run.result.value ? run.result.value.output : undefined;
    if (file === undefined) return;
    const remove = 'Move to Trash';
    const answer = await vscode.window.showWarningMessage(
      `Move ${basename(file)} to the trash? The original stays.`,
      { modal: true },
      remove,
    );
    if (answer !== remove) return;
    await vscode.workspace.fs.delete(vscode.Uri.file(file), { useTrash: true });
    this.updateRun(id, { deleted: true });
  }
}

/** The file, when it is there and was written after `started` (milliseconds since 1970). */
async function writtenSince(file: unknown, started: number): Promise<string | null> {
  if (typeof file !== 'string') return null;
  const stat = await vscode.workspace.fs.stat(vscode.Uri.file(file)).then(undefined, () => undefined);
  // File systems keep times to a second or two.
  return stat !== undefined && stat.mtime >= started - 2000 ? file : null;
}

/** Names in a model's folder; folders end in a slash. */
export async function namesBeside(model: vscode.Uri): Promise<string[]> {
  const folder = vscode.Uri.joinPath(model, '..');
  // A run of the history may be of a model whose folder is gone.
  const entries = await vscode.workspace.fs.readDirectory(folder).then(undefined, () => []);
  return entries.map(([name, type]) => ((type & vscode.FileType.Directory) === 0 ? name : `${name}/`));
}
