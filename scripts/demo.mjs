// The whole way of a model, with the built command line only, as a user would go it: inspect the example,
// make it int8, measure and evaluate both, serve the better one, ask it over HTTP, and clean up.
// --dist FOLDER takes a build from elsewhere.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inflateRawSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({ options: { dist: { type: 'string', default: 'dist' } } });
const cli = join(root, options.dist, 'slipway.js');
const example = (name) => join(root, 'examples', name);
const model = example('resnet.onnx');
const validation = example('resnet_validation.npz');
const characters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const terminal = process.stdout.isTTY && !process.env.NO_COLOR;
const bold = (text) => (terminal ? `\x1b[1m${text}\x1b[22m` : text);
const dim = (text) => (terminal ? `\x1b[2m${text}\x1b[22m` : text);
const say = (text = '') => process.stdout.write(`${text}\n`);
const children = new Set();

/** Starts a program; what it says on standard error is shown, or only kept when it should be `quiet`. */
function start(args, quiet = false) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', quiet ? 'pipe' : 'inherit'],
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => (child.said = (child.said ?? '') + text));
  children.add(child);
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  }).finally(() => children.delete(child));
  return { child, ended };
}

/** Runs a command of ours with --json and returns its document. */
async function slipway(...args) {
  const { child, ended } = start([cli, ...args, '--json']);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => (text += piece));
  const code = await ended;
  if (code !== 0) throw new Error(`slipway ${args[0]} ended with ${code}.`);
  return JSON.parse(text);
}

/** Whether dist/ is older than the newest of the sources. */
function isStale() {
  if (!existsSync(cli)) return true;
  const built = statSync(cli).mtimeMs;
  const newer = (folder) =>
    readdirSync(join(root, folder), { recursive: true }).some(
      (name) => /\.(ts|css)$/.test(name) && statSync(join(root, folder, name)).mtimeMs > built,
    );
  return ['daemon', 'extension', 'webview'].some((folder) => existsSync(join(root, folder)) && newer(folder));
}

async function step(title, work) {
  const began = performance.now();
  if (terminal) process.stdout.write(`${title} …`);
  const result = await work();
  const took = dim(`${((performance.now() - began) / 1000).toFixed(1)} s`);
  say(`${terminal ? '\r\x1b[2K' : ''}${title}  ${took}`);
  return result;
}

const digits3 = (value) =>
  value >= 100 ? Math.round(Number(value.toPrecision(3))).toString() : value.toPrecision(3);
const ms = (value) => `${digits3(value)} ms`;
const mb = (bytes) => `${digits3(bytes / 1e6)} MB`;
const percent = ({ value, low, high }) =>
  `${(value * 100).toFixed(1)} % (${(low * 100).toFixed(1)}–${(high * 100).toFixed(1)})`;

/** Lines of a table; the first column to the left, numbers to the right. */
function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  const [head, ...body] = rows.map(line);
  return [bold(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body].map(
    (text) => `  ${text}`,
  );
}

/** One row of an array in an .npz file, with its type and shape; enough for the example's own files. */
function sampleOf(path, name, index) {
  const file = readFileSync(path);
  const end = file.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = file.readUInt32LE(end + 16);
  for (let left = file.readUInt16LE(end + 10); left > 0; left -= 1) {
    const nameEnd = at + 46 + file.readUInt16LE(at + 28);
    if (file.toString('utf8', at + 46, nameEnd) === `${name}.npy`) break;
    at = nameEnd + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  const local = file.readUInt32LE(at + 42);
  const from = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
  const packed = file.subarray(from, from + file.readUInt32LE(at + 20));
  const npy = file.readUInt16LE(at + 10) === 8 ? inflateRawSync(packed) : packed;
  const start = 10 + npy.readUInt16LE(8);
  const header = npy.toString('latin1', 10, start);
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(',')
    .filter((part) => part.trim())
    .map(Number);
  const count = shape.slice(1).reduce((product, dim) => product * dim, 1);
  const bytes = (npy.length - start) / shape[0];
  const raw = npy.subarray(start + index * bytes, start + (index + 1) * bytes);
  const integer = header.includes("'<i8'");
  const data = Array.from({ length: count }, (_, i) =>
    integer ? Number(raw.readBigInt64LE(i * 8)) : raw.readFloatLE(i * 4),
  );
  return { shape: [1, ...shape.slice(1)], data };
}

/** A picture of 32×32 values as text, two rows to a line. */
function picture({ data }) {
  const sorted = [...data].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor(data.length * 0.02)], sorted[Math.floor(data.length * 0.98)]];
  const shades = '@#*+=-:. ';
  return Array.from({ length: 16 }, (_, row) =>
    Array.from({ length: 32 }, (_, column) => {
      const value = (data[row * 64 + column] + data[row * 64 + 32 + column]) / 2;
      const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
      return shades[Math.round(share * (shades.length - 1))];
    }).join(''),
  );
}

/** Starts the server, hands its URL to `work`, and ends it in order. */
async function withServer(path, work) {
  const { child, ended } = start([cli, 'serve', '--model', `resnet=${path}`, '--port', '0', '--json'], true);
  try {
    const url = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (line) => {
        const { url, error } = JSON.parse(line);
        if (url) resolve(url);
        else reject(new Error(error?.message ?? line));
      });
      ended.then(
        (code) => reject(new Error(`The server ended with ${code} before it was ready. ${child.said ?? ''}`)),
        reject,
      );
    });
    return await work(url.replace(/\/$/, ''));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

async function ask(url, input, sample) {
  const tensor = { name: input.name, datatype: 'FP32', shape: sample.shape, data: sample.data };
  const began = performance.now();
  const response = await fetch(`${url}/v2/models/resnet/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ id: 'demo', inputs: [tensor] }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`The server answered ${response.status}: ${JSON.stringify(answer)}`);
  const [{ data }] = answer.outputs;
  const top = data.reduce((best, score, i) => (score > data[best] ? i : best), 0);
  const total = data.reduce((sum, score) => sum + Math.exp(score - data[top]), 0);
  return { answer, top, sure: 1 / total, tookMs: performance.now() - began };
}

async function demo(folder) {
  const began = performance.now();
  if (isStale()) {
    await step('Building Slipway', async () => {
      const { child, ended } = start([join(root, 'scripts', 'build.mjs'), '--out', options.dist]);
      child.stdout.resume();
      if ((await ended) !== 0) throw new Error('The build failed.');
    });
  }
  const quantized = join(folder, 'resnet.int8.onnx');
  const what = await step('Inspecting examples/resnet.onnx', () => slipway('inspect', model));
  const [input] = what.inputs;
  say(
    dim(
      `  ${what.nodes} nodes, ${what.parameters.toLocaleString('en')} parameters, ${(what.macs / 1e6).toFixed(1)} M multiply-accumulates; ` +
        `input ${input.name} ${input.shape.join(' × ')} ${input.dtype}`,
    ),
  );
  const made = await step('Making an int8 version of it', () =>
    slipway(
      'quantize',
      model,
      '-o',
      quantized,
      '--method',
      'static',
      '--calibration',
      example('resnet_calibration.npz'),
    ),
  );
  const { fusion, error } = made;
  say(
    dim(
      `  ${fusion.integer} of ${fusion.integer + fusion.float} compute nodes run in integers; outputs differ by ${error.sqnrDb.toFixed(1)} dB SQNR`,
    ),
  );
  const measured = await step('Measuring both in turn', () =>
    slipway('benchmark', model, quantized, '--max-seconds', '6'),
  );
  const scores = await step('Evaluating both on labelled data', async () => [
    await slipway('evaluate', model, '--data', validation, '--metric', 'top1'),
    await slipway('evaluate', quantized, '--data', validation, '--metric', 'top1'),
  ]);

  const { machine, results, ratios } = measured;
  const sizes = [made.before.fileBytes, made.after.fileBytes];
  const rows = results.map((row, i) => {
    const { p50, p90, p99 } = row.latencyMs;
    const { p50Ratio, low, high } = ratios[0];
    const speed = i === 0 ? '1' : `${p50Ratio.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})`;
    return [
      basename(row.model),
      mb(sizes[i]),
      ms(p50),
      ms(p90),
      ms(p99),
      `${digits3(row.throughput)}/s`,
      percent(scores[i]),
      speed,
    ];
  });
  say();
  table([['Model', 'Size', 'p50', 'p90', 'p99', 'Throughput', 'Top-1', 'p50 ratio'], ...rows]).forEach(
    (line) => say(line),
  );
  say();
  say(
    dim(
      `  ${machine.cpu}, ONNX Runtime ${machine.onnxruntime}, 1 thread, batch 1, ${results[0].samples} and ${results[1].samples} runs.`,
    ),
  );
  say(
    dim(
      `  Top-1 on ${scores[0].samples} samples; p50 ratio: how many times as fast as the original. Intervals are 95 %.`,
    ),
  );
  say();

  const better = ratios[0].low > 1 && scores[1].value >= scores[0].value - 0.01 ? 1 : 0;
  const served = better === 1 ? quantized : model;
  const index = 3;
  const sample = sampleOf(validation, input.name, index);
  const truth = characters[sampleOf(validation, 'label', index).data[0]];
  await withServer(served, async (url) => {
    say(`Serving ${bold(basename(served))} at ${url}`);
    say(`POST ${url}/v2/models/resnet/infer with sample ${index} of the validation set:`);
    say();
    picture(sample).forEach((line) => say(dim(`    ${line}`)));
    say();
    const { answer, top, sure, tookMs } = await ask(url, input, sample);
    const [output] = answer.outputs;
    say(
      `Answer: output ${output.name}, ${output.datatype} ${output.shape.join(' × ')}, in ${ms(tookMs)} with the connection.`,
    );
    say(
      `It reads ${bold(`"${characters[top]}"`)} (${(sure * 100).toFixed(1)} %); the label says ${bold(`"${truth}"`)}.`,
    );
  });
  say();
  say(
    dim(
      `Server stopped, temporary files removed. ${((performance.now() - began) / 1000).toFixed(1)} s in all.`,
    ),
  );
}

const folder = mkdtempSync(join(tmpdir(), 'slipway-demo-'));
const clean = () => rmSync(folder, { recursive: true, force: true });
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    for (const child of children) child.kill('SIGTERM');
    clean();
    process.exit(1);
  });
try {
  await demo(folder);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  for (const child of children) child.kill('SIGTERM');
  clean();
}
