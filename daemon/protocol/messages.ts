// Every message of the contract, for the dispatcher and for docs/protocol.md.

import { Benchmark } from './benchmark';
import { Check } from './check';
import { Cluster } from './cluster';
import { Compress } from './compress';
import { GetCost } from './cost';
import type { AnyNotification, AnyRequest } from './core';
import { Cancel, GetMachine, Ping, ProgressNotification } from './daemon';
import { Deploy, DeploymentChanged, ListDeployments, StopDeployment } from './deploy';
import { Diff } from './diff';
import { EstimateSize } from './estimate';
import { Evaluate } from './evaluate';
import { FrameNotification } from './frames';
import {
  ExportTensor,
  ExtractPart,
  FindNodes,
  GetGraph,
  GetNode,
  GetTensorStatistics,
  ReadTensor,
} from './graph';
import { Handshake, Hello } from './handshake';
import { Close, ModelChanged, Open } from './inspect';
import { GetOperator } from './operator';
import { LowRank } from './lowRank';
import { Optimize } from './optimize';
import { ReadOverlays, WriteOverlay } from './overlay';
import { ConvertPrecision } from './precision';
import { ListDevices, Profile } from './profile';
import { Prune } from './prune';
import { PruneSensitivity } from './pruneSensitivity';
import { PruneWeights } from './pruneWeights';
import { Quantize } from './quantize';
import { QuantizeWeights } from './weightOnly';
import { ResultOverlays } from './resultOverlays';
import { RunRecipe } from './runRecipe';
import { GetDigest, GetRun, ListRuns, RemoveRuns, RunChanged } from './runs';
import { Sensitivity } from './sensitivity';

export const requests: readonly AnyRequest[] = [
  Handshake,
  Ping,
  GetMachine,
  Open,
  Close,
  Check,
  GetCost,
  GetGraph,
  GetNode,
  FindNodes,
  ReadTensor,
  GetTensorStatistics,
  ExportTensor,
  ExtractPart,
  GetOperator,
  ReadOverlays,
  WriteOverlay,
  ResultOverlays,
  EstimateSize,
  Diff,
  Optimize,
  Quantize,
  QuantizeWeights,
  ConvertPrecision,
  Prune,
  PruneWeights,
  LowRank,
  Cluster,
  RunRecipe,
  Sensitivity,
  PruneSensitivity,
  Benchmark,
  Profile,
  ListDevices,
  Evaluate,
  Compress,
  Deploy,
  ListDeployments,
  StopDeployment,
  ListRuns,
  GetRun,
  RemoveRuns,
  GetDigest,
];

export const notifications: readonly AnyNotification[] = [
  Hello,
  Cancel,
  ProgressNotification,
  FrameNotification,
  ModelChanged,
  DeploymentChanged,
  RunChanged,
];
