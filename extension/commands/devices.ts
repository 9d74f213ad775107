// Slipway: Show Devices — what models can run on here, each tried with a small model, and what is missing for the others.

import * as vscode from 'vscode';
import { ListDevices } from '../../daemon/protocol/profile';
import type { Context } from '../context';

interface DeviceItem extends vscode.QuickPickItem {
  /** What to install; null where nothing is missing or nothing would help. */
  readonly install: string | null;
}

/** Shows the list; a device that is not ready gives what to install to the clipboard. Throws what the daemon says. */
export async function showDevices(context: Context): Promise<void> {
  const picker = vscode.window.createQuickPick<DeviceItem>();
  picker.title = 'Devices of This Machine';
  picker.placeholder = 'Trying each one with a small model';
  picker.matchOnDetail = true;
  picker.busy = true;
  const trying = new vscode.CancellationTokenSource();
  const closed = new Promise<undefined>((resolve) => {
    picker.onDidHide(() => {
      trying.cancel();
      resolve(undefined);
    });
  });
  const chosen = new Promise<DeviceItem | undefined>((resolve) => {
    picker.onDidAccept(() => resolve(picker.selectedItems[0]));
  });
  picker.show();
  try {
    const asked = context.daemon.request(ListDevices, {}, { token: trying.token });
    // Who closed the list does not want to hear that the question was cancelled.
    const found = await asked.catch((error: unknown) => {
      if (trying.token.isCancellationRequested) return undefined;
      throw error;
    });
    if (!found || trying.token.isCancellationRequested) return;
    picker.items = found.devices.map(({ name, title, offered, available, detail, install }) => ({
      label: `$(${available ? 'pass' : offered ? 'warning' : 'circle-slash'}) ${title}`,
      description: `${name} · ${available ? 'ready' : offered ? 'not ready' : 'not in this build'}`,
      detail: install === null ? detail : `${detail} ${install}`,
      install,
    }));
    picker.busy = false;
    picker.placeholder = 'Choose one that is not ready to copy what it needs';
    const item = await Promise.race([chosen, closed]);
    if (item?.install == null) return;
    await vscode.env.clipboard.writeText(item.install);
    vscode.window.setStatusBarMessage('Copied what to install', 4000);
  } finally {
    trying.dispose();
    picker.dispose();
  }
}
