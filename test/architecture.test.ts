// The house as code: which room may import which, what only one file may import, and how large a file may be.
// docs/architecture.md says the same in words; change both together.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { repository } from './support/paths';

/** Rooms of the daemon from left to right; a room imports only rooms to its left. `protocol` and `base` are peers. */
const rooms = [
  'protocol',
  'base',
  'host',
  'ir',
  'onnx',
  'analysis',
  'passes',
  'runtime',
  'train',
  'evaluate',
  'recipes',
  'serve',
  'deploy',
  'monitor',
  'workspace',
  'handlers',
  'server',
  'cli',
];

/** Rooms that may know the wire. */
const wireRooms = new Set(['protocol', 'workspace', 'handlers', 'server', 'cli']);

/** Rooms that must stay pure: no Node modules at all. */
const pureRooms = new Set(['protocol', 'ir', 'analysis', 'passes']);

/** Packages that only the named files or folders may import. */
const onlyIn: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': ['daemon/runtime/runner/runnerCalls.ts'],
  vscode: ['extension/'],
  'vscode-languageclient': ['extension/daemon/'],
  ws: ['daemon/server/', 'extension/daemon/', 'test/'],
  typebox: [
    'daemon/protocol/',
    'daemon/server/',
    'daemon/handlers/',
    'extension/daemon/client.ts',
    'test/',
    'scripts/',
  ],
  lit: ['webview/'],
  chokidar: ['daemon/workspace/'],
  'prom-client': ['daemon/serve/'],
};

const longestFile = 500;

interface Import {
  file: string;
  /** Path from the checkout's root for our own files, package name for others. */
  target: string;
  own: boolean;
  typeOnly: boolean;
}

const sources = ['daemon', 'extension', 'webview', 'test'].flatMap((folder) =>
  readdirSync(join(repository, folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules')),
);

const imports: Import[] = sources.flatMap((file) => {
  const text = readFileSync(join(repository, file), 'utf8');
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map((match) => {
    const name = match[2] ?? match[3] ?? match[4]!;
    const own = name.startsWith('.');
    const target = own ? normalize(join(dirname(file), name)) : packageName(name);
    return { file, target, own, typeOnly: match[1] !== undefined };
  });
});

function packageName(specifier: string): string {
  const [first, second] = specifier.split('/');
  return specifier.startsWith('@') ? `${first}/${second}` : first!;
}

const roomOf = (path: string): string | undefined => /^daemon\/([^/]+)/.exec(path)?.[1];

function check(problems: string[]): void {
  assert.deepEqual(problems, []);
}

test('the daemon has no other rooms than those in the table', () => {
  const found = readdirSync(join(repository, 'daemon'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  check(found.filter((name) => !rooms.includes(name)));
});

test('rooms import only to their left', () => {
  check(
    imports.flatMap(({ file, target, own }) => {
      const from = roomOf(file);
      const to = own ? roomOf(target) : undefined;
      if (from === undefined || to === undefined || from === to) return [];
      const peers = from === 'base' && to === 'protocol';
      return !peers && rooms.indexOf(to) < rooms.indexOf(from) ? [] : [`${file} imports ${target}`];
    }),
  );
});

test('only the outermost rooms know the wire', () => {
  check(
    imports.flatMap(({ file, target, own }) => {
      const from = roomOf(file);
      if (!own || from === undefined || roomOf(target) !== 'protocol' || wireRooms.has(from)) return [];
      return [`${file} imports ${target}`];
    }),
  );
});

test('extension and webview import of the daemon nothing but the protocol', () => {
  check(
    imports.flatMap(({ file, target, own }) => {
      const side = /^(extension|webview)\//.exec(file)?.[1];
      if (side === undefined || !own) return [];
      const allowed = target.startsWith(`${side}/`) || target.startsWith('daemon/protocol/');
      return allowed ? [] : [`${file} imports ${target}`];
    }),
  );
});

test('pure rooms import no Node module', () => {
  check(
    imports.flatMap(({ file, target, own, typeOnly }) => {
      const from = roomOf(file);
      if (own || typeOnly || from === undefined || !pureRooms.has(from)) return [];
      return target.startsWith('node:') ? [`${file} imports ${target}`] : [];
    }),
  );
});

test('packages are imported only where they belong', () => {
  check(
    imports.flatMap(({ file, target, own }) => {
      const places = own ? undefined : onlyIn[target];
      if (!places || places.some((place) => file.startsWith(place)) || file.startsWith('test/')) return [];
      return [`${file} imports ${target}`];
    }),
  );
});

test('deploy targets do not import each other', () => {
  check(
    imports.flatMap(({ file, target, own }) => {
      const from = /^daemon\/deploy\/targets\/([^/]+)/.exec(file)?.[1];
      const to = own ? /^daemon\/deploy\/targets\/([^/]+)/.exec(target)?.[1] : undefined;
      return from !== undefined && to !== undefined && from !== to ? [`${file} imports ${target}`] : [];
    }),
  );
});

test('files say what they own, and none is long', () => {
  check(
    sources.flatMap((file) => {
      const lines = readFileSync(join(repository, file), 'utf8').split('\n');
      const head = lines[0]?.startsWith('#!') ? lines[1] : lines[0];
      const problems: string[] = [];
      const generated = lines.slice(0, 5).some((line) => /generated/i.test(line));
      if (lines.length > longestFile + 1 && !generated)
        problems.push(`${file} has ${lines.length - 1} lines`);
      if (!file.startsWith('test/') && !/^\/[/*]/.test(head ?? ''))
        problems.push(`${file} has no head comment`);
      return problems;
    }),
  );
});
