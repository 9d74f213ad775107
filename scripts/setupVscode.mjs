// Installs what the tests in a real VS Code need, once, into .cache/: the VS Code workbench (npm code-server),
// the Node 24 that it wants (npm node-linux-*), and Chromium (apt, where it is missing and we may).
// Prints one clear line and returns undefined when something cannot be had.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const codeServerVersion = '4.139.1';
export const nodeVersion = '24.9.0';
const root = fileURLToPath(new URL('..', import.meta.url));

const run = (program, args, cwd) => {
  // The project's own npm settings (npm run exports them) must not leak into this separate installation.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_/i.test(name) || /registry|proxy|cafile|userconfig|cache/i.test(name),
    ),
  );
  const done = spawnSync(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  return {
    ok: done.status === 0,
    text: `${done.stdout ?? ''}${done.stderr ?? ''}`.trim().split('\n').slice(-8).join('\n'),
  };
};

const chromiumNames = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** Path of a Chromium, installed by apt where it is missing and we are root; or a sentence that says what to do. */
export function setupChromium() {
  const named = process.env.SLIPWAY_CHROMIUM;
  if (named) return { path: named };
  const find = () => chromiumNames.find((path) => existsSync(path));
  const present = find();
  if (present) return { path: present };
  if (process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    run('apt-get', ['update']);
    const installed = run('apt-get', [
      'install',
      '-y',
      '--no-install-recommends',
      'chromium',
      'fonts-dejavu-core',
    ]);
    const path = find();
    if (path) return { path };
    return { missing: `Chromium could not be installed by apt: ${installed.text}` };
  }
  return {
    missing:
      'Chromium is missing. Install it (Debian: sudo apt-get install chromium), or name one in SLIPWAY_CHROMIUM.',
  };
}

/** {node, entry} of a code-server installation under .cache/, installed on first use; or {missing}. */
export function setupCodeServer() {
  const folder = join(root, '.cache', `code-server-${codeServerVersion}`);
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const found = {
    node: join(folder, 'node_modules', `node-linux-${arch}`, 'bin', 'node'),
    entry: join(folder, 'node_modules', 'code-server', 'out', 'node', 'entry.js'),
  };
  if (existsSync(join(folder, 'complete'))) return found;
  if (process.platform !== 'linux')
    return { missing: 'The tests in a real VS Code run on Linux; elsewhere use npm run test:desktop.' };
  const staging = `${folder}.partial`;
  rmSync(staging, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  writeFileSync(join(staging, 'package.json'), '{"private":true}\n');
  const vscode = join(staging, 'node_modules', 'code-server', 'lib', 'vscode');
  const steps = [
    [
      'npm',
      [
        'install',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        '--engine-strict=false',
        `code-server@${codeServerVersion}`,
        `node-linux-${arch}@${nodeVersion}`,
      ],
      staging,
    ],
    ['npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'], vscode],
    [
      'npm',
      ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'],
      join(vscode, 'extensions'),
    ],
  ];
  for (const [program, args, cwd] of steps) {
    const done = run(program, args, cwd);
    if (!done.ok)
      return {
        missing: `VS Code for the tests could not be installed (${program} ${args[0]} in ${cwd}): ${done.text}`,
      };
  }
  writeFileSync(join(staging, 'complete'), `${codeServerVersion}\n`);
  renameSync(staging, folder);
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const part of [setupChromium(), setupCodeServer()])
    process.stdout.write(`${part.missing ?? JSON.stringify(part)}\n`);
}
