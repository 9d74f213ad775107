// Every message of the contract, for the dispatcher and for docs/protocol.md.

import { Benchmark } from './benchmark';
import { Compress } from './compress';
import type { AnyNotification, AnyRequest } from './core';
import { Cancel, GetMachine, Ping, ProgressNotification } from './daemon';
import { Deploy, DeploymentChanged, ListDeployments, StopDeployment } from './deploy';
import { Evaluate } from './evaluate';
import { FrameNotification } from './frames';
import { GetGraph, GetNode, ReadTensor } from './graph';
import { Handshake, Hello } from './handshake';
import { Close, ModelChanged, Open } from './inspect';
import { Quantize } from './quantize';

export const requests: readonly AnyRequest[] = [
  Handshake,
  Ping,
  GetMachine,
  Open,
  Close,
  GetGraph,
  GetNode,
  ReadTensor,
  Quantize,
  Benchmark,
  Evaluate,
  Compress,
  Deploy,
  ListDeployments,
  StopDeployment,
];

export const notifications: readonly AnyNotification[] = [
  Hello,
  Cancel,
  ProgressNotification,
  FrameNotification,
  ModelChanged,
  DeploymentChanged,
];
