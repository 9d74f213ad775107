// Every request that the daemon answers, by method.

import type { AnyHandler } from './handler';
import { benchmark } from './benchmark';
import { check } from './check';
import { cluster } from './cluster';
import { compress } from './compress';
import { cost } from './cost';
import { deploy, deployments, stopDeployment } from './deploy';
import { diff } from './diff';
import { estimate } from './estimate';
import { evaluate } from './evaluate';
import { extract, findNodes, graph, node, saveTensor, statistics, tensor } from './graph';
import { handshake } from './handshake';
import { close, open } from './inspect';
import { lowRank } from './lowRank';
import { machine, ping } from './machine';
import { operator } from './operator';
import { optimize } from './optimize';
import { readOverlays, resultOverlays, writeOverlay } from './overlay';
import { precision } from './precision';
import { devices, profile } from './profile';
import { prune } from './prune';
import { pruneSensitivity } from './pruneSensitivity';
import { pruneWeights } from './pruneWeights';
import { quantize } from './quantize';
import { quantizeWeights } from './weightOnly';
import { recorded } from './recorded';
import { runRecipe } from './runRecipe';
import { digest, getRun, listRuns, removeRuns } from './runs';
import { sensitivity } from './sensitivity';

const all: readonly AnyHandler[] = [
  handshake,
  ping,
  machine,
  open,
  close,
  check,
  cost,
  graph,
  node,
  findNodes,
  tensor,
  statistics,
  saveTensor,
  extract,
  operator,
  readOverlays,
  writeOverlay,
  resultOverlays,
  estimate,
  diff,
  optimize,
  quantize,
  quantizeWeights,
  precision,
  prune,
  pruneWeights,
  lowRank,
  cluster,
  runRecipe,
  sensitivity,
  pruneSensitivity,
  benchmark,
  profile,
  devices,
  evaluate,
  compress,
  deploy,
  deployments,
  stopDeployment,
  listRuns,
  getRun,
  removeRuns,
  digest,
];

/** Jobs that go into the history, and how their titles begin. */
const history: ReadonlyMap<AnyHandler, string> = new Map([
  [benchmark, 'Benchmark of'],
  [profile, 'Profile of'],
  [evaluate, 'Evaluation of'],
  [compress, 'Compression of'],
  [optimize, 'Optimization of'],
  [quantize, 'Quantization of'],
  [quantizeWeights, 'Weight quantization of'],
  [precision, 'Half precision of'],
  [prune, 'Pruning of'],
  [pruneWeights, 'Zeros in'],
  [lowRank, 'Low rank of'],
  [cluster, 'Clustering of'],
  [runRecipe, 'Recipe on'],
  [sensitivity, 'Sensitivity of'],
  [pruneSensitivity, 'Pruning sensitivity of'],
]);

function withHistory(one: AnyHandler): AnyHandler {
  const title = history.get(one);
  return title === undefined ? one : recorded(one, title);
}

export const handlers: ReadonlyMap<string, AnyHandler> = new Map(
  all.map((one) => [one.type.method, withHistory(one)]),
);
