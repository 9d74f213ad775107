// The HTML around a page and the port to it: a strict policy, our own files only, no inline anything.

import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Envelope } from '../../daemon/protocol/page';
import type { Port } from '../../daemon/protocol/pageChannel';
import type { Context } from '../context';

/** Fills a webview with one of our pages and returns the port to it. */
export function mountPage(
  context: Context,
  webview: vscode.Webview,
  script: 'editor' | 'results' | 'job' | 'history',
  title: string,
): Port {
  webview.options = { enableScripts: true, localResourceRoots: [context.built('webview')] };
  const nonce = randomBytes(16).toString('base64');
  const file = (name: string) => webview.asWebviewUri(context.built('webview', name)).toString();
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    `img-src ${webview.cspSource} data: blob:`,
    `worker-src blob:`,
  ].join('; ');
  webview.html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${file('style.css')}">
<title>${escapeHtml(title)}</title>
</head>
<body>
<script type="module" nonce="${nonce}" src="${file(`${script}.js`)}"></script>
</body>
</html>`;
  return {
    post: (envelope: Envelope) => void webview.postMessage(envelope),
    listen: (listener) => {
      const subscription = webview.onDidReceiveMessage(listener);
      return () => void subscription.dispose();
    },
  };
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (character: string) => entities[character]!);

/** The icon of a panel's tab: a picture in a tab has no colour of its theme, so there is one for each. */
export function panelIcon({ extension }: Context): { light: vscode.Uri; dark: vscode.Uri } {
  const file = (name: string) => vscode.Uri.joinPath(extension.extensionUri, 'extension', name);
  return { light: file('iconLight.svg'), dark: file('iconDark.svg') };
}
