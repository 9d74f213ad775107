// Readers of the multi-device messages: DeviceConfigurationProto of a model, NodeDeviceConfigurationProto
// of a node and the sharding specs inside.

import type {
  DeviceConfiguration,
  Dimension,
  NodeDeviceConfiguration,
  ShardedDim,
  ShardingSpec,
} from '../ir/model';
import type { Reading } from './reading';
import type { Ranges } from './wireReader';

const one = new Set([1, 2]);
const three = new Set([1, 2, 3]);
const four = new Set([1, 2, 3, 4]);

/** The current field as a DeviceConfigurationProto. */
export function readDeviceConfiguration(reading: Reading): DeviceConfiguration {
  const { wire } = reading;
  const configuration: DeviceConfiguration = { name: '', numDevices: 0, devices: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10) configuration.name = wire.string();
    else if (wire.tag === 16) configuration.numDevices = wire.int32();
    else if (wire.tag === 26) configuration.devices.push(wire.string());
    else rest = reading.unknown(rest, three);
  }
  reading.keep(configuration, rest);
  wire.leave(outer);
  return configuration;
}

/** The current field as a NodeDeviceConfigurationProto. */
export function readNodeDevices(reading: Reading): NodeDeviceConfiguration {
  const { wire } = reading;
  const configuration: NodeDeviceConfiguration = { configurationId: '', shardingSpecs: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10) configuration.configurationId = wire.string();
    else if (wire.tag === 18) configuration.shardingSpecs.push(readShardingSpec(reading));
    else if (wire.tag === 24) configuration.pipelineStage = wire.int32();
    else rest = reading.unknown(rest, three);
  }
  reading.keep(configuration, rest);
  wire.leave(outer);
  return configuration;
}

function readBigints(reading: Reading, into: bigint[]): void {
  const { wire } = reading;
  wire.integers(() => {
    wire.charge(24);
    into.push(wire.bigint());
  });
}

function readShardingSpec(reading: Reading): ShardingSpec {
  const { wire } = reading;
  const spec: ShardingSpec = { tensorName: '', devices: [], indexToDeviceGroupMap: [], shardedDims: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10) spec.tensorName = wire.string();
    else if (wire.tag === 16 || wire.tag === 18) readBigints(reading, spec.devices);
    else if (wire.tag === 26) spec.indexToDeviceGroupMap.push(readDeviceGroup(reading));
    else if (wire.tag === 34) spec.shardedDims.push(readShardedDim(reading));
    else rest = reading.unknown(rest, four);
  }
  reading.keep(spec, rest);
  wire.leave(outer);
  return spec;
}

function readDeviceGroup(reading: Reading): ShardingSpec['indexToDeviceGroupMap'][number] {
  const { wire } = reading;
  const group: ShardingSpec['indexToDeviceGroupMap'][number] = { key: 0n, values: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 8) group.key = wire.bigint();
    else if (wire.tag === 16 || wire.tag === 18) readBigints(reading, group.values);
    else rest = reading.unknown(rest, one);
  }
  reading.keep(group, rest);
  wire.leave(outer);
  return group;
}

function readShardedDim(reading: Reading): ShardedDim {
  const { wire } = reading;
  const sharded: ShardedDim = { axis: 0n, simpleShardings: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 8) sharded.axis = wire.bigint();
    else if (wire.tag === 18) sharded.simpleShardings.push(readSimpleSharding(reading));
    else rest = reading.unknown(rest, one);
  }
  reading.keep(sharded, rest);
  wire.leave(outer);
  return sharded;
}

function readSimpleSharding(reading: Reading): ShardedDim['simpleShardings'][number] {
  const { wire } = reading;
  const dim: Dimension = {};
  const sharding: ShardedDim['simpleShardings'][number] = { dim, numShards: 0n };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 8) {
      delete dim.param;
      dim.value = wire.int();
    } else if (wire.tag === 18) {
      delete dim.value;
      dim.param = wire.string();
    } else if (wire.tag === 24) sharding.numShards = wire.bigint();
    else rest = reading.unknown(rest, three);
  }
  reading.keep(sharding, rest);
  wire.leave(outer);
  return sharding;
}
