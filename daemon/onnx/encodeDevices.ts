// Writers of the multi-device messages.

import type { DeviceConfiguration, NodeDeviceConfiguration, ShardedDim, ShardingSpec } from '../ir/model';
import { encodeText } from './encodeTensor';
import type { WireWriter } from './wireWriter';

export function encodeDeviceConfiguration(out: WireWriter, configuration: DeviceConfiguration): void {
  encodeText(out, 1, configuration.name);
  if (configuration.numDevices !== 0) out.int(2, configuration.numDevices);
  for (const device of configuration.devices) out.string(3, device);
  if (configuration.unknown) out.verbatim(configuration.unknown);
}

export function encodeNodeDevices(out: WireWriter, configuration: NodeDeviceConfiguration): void {
  encodeText(out, 1, configuration.configurationId);
  for (const spec of configuration.shardingSpecs) out.message(2, () => encodeShardingSpec(out, spec));
  if (configuration.pipelineStage !== undefined) out.int(3, configuration.pipelineStage);
  if (configuration.unknown) out.verbatim(configuration.unknown);
}

function encodeShardingSpec(out: WireWriter, spec: ShardingSpec): void {
  encodeText(out, 1, spec.tensorName);
  for (const device of spec.devices) out.bigint(2, device);
  for (const group of spec.indexToDeviceGroupMap) {
    out.message(3, () => {
      out.bigint(1, group.key);
      for (const value of group.values) out.bigint(2, value);
      if (group.unknown) out.verbatim(group.unknown);
    });
  }
  for (const sharded of spec.shardedDims) out.message(4, () => encodeShardedDim(out, sharded));
  if (spec.unknown) out.verbatim(spec.unknown);
}

function encodeShardedDim(out: WireWriter, sharded: ShardedDim): void {
  out.bigint(1, sharded.axis);
  for (const sharding of sharded.simpleShardings) {
    out.message(2, () => {
      if (sharding.dim.value !== undefined) out.int(1, Math.trunc(sharding.dim.value));
      else if (sharding.dim.param !== undefined) out.string(2, sharding.dim.param);
      out.bigint(3, sharding.numShards);
      if (sharding.unknown) out.verbatim(sharding.unknown);
    });
  }
  if (sharded.unknown) out.verbatim(sharded.unknown);
}
