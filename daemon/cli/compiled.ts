// Loads a bundle with the machine code that V8 made of it at an earlier start: half of a short command's time is
// reading and compiling what it runs. Newer Node does this itself (module.enableCompileCache); this is for Node 20.
// What is kept belongs to the user's cache folder; a bundle or a Node that changed makes it void.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as v8 from 'node:v8';
import * as vm from 'node:vm';
import { shortDigest } from '../host/names';

const opening = '(function (exports, require, module, __filename, __dirname) {';

/**
 * Runs the CommonJS script at `path`. `part` says what will be used of it: what was compiled is kept for each part, and
 * is written when the process ends well. A cache that cannot be read or written changes nothing but the time.
 */
export function runCompiled(path: string, part: string, load: NodeJS.Require): void {
  const place = cachePlace(path, part);
  const kept = place && readKept(place);
  // A first line that starts with #! is for the system, not for the compiler.
  const source = readFileSync(path, 'utf8').replace(/^#!/, '//');
  const script = new vm.Script(`${opening}${source}\n})`, {
    filename: path,
    columnOffset: -opening.length,
    ...(kept ? { cachedData: kept } : {}),
  });
  if (place && (!kept || script.cachedDataRejected === true))
    process.once('exit', (code) => {
      if (code === 0) keep(place, script);
    });
  const module = { exports: {} };
  const run = script.runInThisContext() as (...args: unknown[]) => void;
  run(module.exports, load, module, path, dirname(path));
}

interface Place {
  readonly file: string;
  /** What the kept code belongs to. */
  readonly key: string;
}

const sealLength = 32;
/**
 * V8 believes what it is given, and crashes on a damaged file: the code is sealed together with what it belongs to. What
 * a disk loses it loses by the block, so that one word of every 64 bytes tells.
 */
function seal(key: string, code: Uint8Array): Buffer {
  const words = new Int32Array(code.buffer, code.byteOffset, code.length >> 2);
  let sum = code.length;
  let sums = 0;
  for (let i = 0; i < words.length; i += 16) {
    sum = (sum + words[i]!) | 0;
    sums = (sums + sum) | 0;
  }
  return Buffer.from(shortDigest(key) + shortDigest(`${sum} ${sums}`));
}

function cachePlace(path: string, part: string): Place | undefined {
  if (process.env['NODE_DISABLE_COMPILE_CACHE']) return undefined;
  try {
    const { size, mtimeMs } = statSync(path);
    const known = [process.version, process.arch, v8.cachedDataVersionTag(), size, mtimeMs, part];
    const where = shortDigest(path);
    const name = `${basename(path, '.js')}-${/^[a-z-]{1,20}$/.test(part) ? part : 'other'}-${where}.bin`;
    return { file: join(cacheFolder(), name), key: known.join('\n') };
  } catch {
    return undefined;
  }
}

function cacheFolder(): string {
  const { SLIPWAY_STATE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (SLIPWAY_STATE) return join(SLIPWAY_STATE, 'compiled');
  if (process.platform === 'win32')
    return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'slipway', 'compiled');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'slipway');
  return join(XDG_CACHE_HOME ? XDG_CACHE_HOME : join(homedir(), '.cache'), 'slipway', 'compiled');
}

function readKept({ file, key }: Place): Buffer | undefined {
  try {
    // What V8 loads it trusts, so it must be this user's own.
    if (process.getuid && statSync(file).uid !== process.getuid()) return undefined;
    const bytes = readFileSync(file);
    if (bytes.length < sealLength) return undefined;
    const code = bytes.subarray(sealLength);
    return bytes.subarray(0, sealLength).equals(seal(key, code)) ? code : undefined;
  } catch {
    return undefined;
  }
}

function keep({ file, key }: Place, script: vm.Script): void {
  const whole = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const code = script.createCachedData();
    writeFileSync(whole, Buffer.concat([seal(key, code), code]), { mode: 0o600, flag: 'wx' });
    renameSync(whole, file);
  } catch {
    try {
      rmSync(whole, { force: true });
    } catch {
      // There is no such folder, nor can there be one.
    }
  }
}
