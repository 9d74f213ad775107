// Every request that the daemon answers, by method.

import type { AnyHandler } from './handler';
import { benchmark } from './benchmark';
import { compress } from './compress';
import { deploy, deployments, stopDeployment } from './deploy';
import { evaluate } from './evaluate';
import { graph, node, tensor } from './graph';
import { handshake } from './handshake';
import { close, open } from './inspect';
import { machine, ping } from './machine';
import { quantize } from './quantize';

const all: readonly AnyHandler[] = [
  handshake,
  ping,
  machine,
  open,
  close,
  graph,
  node,
  tensor,
  quantize,
  benchmark,
  evaluate,
  compress,
  deploy,
  deployments,
  stopDeployment,
];

export const handlers: ReadonlyMap<string, AnyHandler> = new Map(all.map((one) => [one.type.method, one]));
