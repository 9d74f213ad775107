// Readers of FunctionProto, TrainingInfoProto and OperatorSetIdProto.

import { breathe } from '../base/task';
import type { FunctionDef, OpsetImport, TrainingInfo } from '../ir/model';
import { readAttribute } from './readAttribute';
import { emptyGraph, fillGraph, readNode } from './readGraph';
import { readValueInfo } from './readType';
import type { Reading, Scope } from './reading';
import type { Ranges } from './wireReader';

const functionFields = new Set([1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
const trainingFields = new Set([1, 2, 3, 4]);
const opsetFields = new Set([1, 2]);

/** The current field as an OperatorSetIdProto. */
export function readOpsetImport(reading: Reading): OpsetImport {
  const { wire } = reading;
  const opset: OpsetImport = { domain: '', version: 0 };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10) opset.domain = wire.string();
    else if (wire.tag === 16) opset.version = wire.int();
    else rest = reading.unknown(rest, opsetFields);
  }
  reading.keep(opset, rest);
  wire.leave(outer);
  return opset;
}

/** The current field as a FunctionProto. */
export async function readFunction(reading: Reading): Promise<FunctionDef> {
  const { wire } = reading;
  const definition: FunctionDef = {
    name: '',
    domain: '',
    overload: '',
    inputs: [],
    outputs: [],
    attributes: [],
    attributeDefaults: [],
    nodes: [],
    docString: '',
    opsetImports: [],
    valueInfo: [],
    metadataProps: [],
  };
  // Name and domain come before the nodes in every known writer, but bodies are read later anyway.
  const scope: Scope = {
    depth: 0,
    get path() {
      return `function ${definition.domain}:${definition.name}`;
    },
  };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    switch (wire.tag) {
      case 10:
        definition.name = wire.string();
        break;
      case 34:
        definition.inputs.push(wire.string());
        break;
      case 42:
        definition.outputs.push(wire.string());
        break;
      case 50:
        definition.attributes.push(wire.string());
        break;
      case 58:
        definition.nodes.push(readNode(reading, scope));
        break;
      case 66:
        definition.docString = wire.string();
        break;
      case 74:
        definition.opsetImports.push(readOpsetImport(reading));
        break;
      case 82:
        definition.domain = wire.string();
        break;
      case 90:
        definition.attributeDefaults.push(readAttribute(reading, scope, undefined));
        break;
      case 98:
        definition.valueInfo.push(readValueInfo(reading));
        break;
      case 106:
        definition.overload = wire.string();
        break;
      case 114:
        definition.metadataProps.push(reading.entry());
        break;
      default:
        rest = reading.unknown(rest, functionFields);
    }
    await breathe(reading.task);
  }
  reading.keep(definition, rest);
  wire.leave(outer);
  return definition;
}

/** The current field as a TrainingInfoProto. */
export async function readTrainingInfo(reading: Reading, index: number): Promise<TrainingInfo> {
  const { wire } = reading;
  const info: TrainingInfo = { initializationBinding: [], updateBinding: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    switch (wire.tag) {
      case 10:
      case 18: {
        const key = wire.tag === 10 ? 'initialization' : 'algorithm';
        const inner = wire.enter();
        await fillGraph(reading, (info[key] ??= emptyGraph()), {
          path: `training ${index}/${key}`,
          depth: 0,
        });
        wire.leave(inner);
        break;
      }
      case 26:
        info.initializationBinding.push(reading.entry());
        break;
      case 34:
        info.updateBinding.push(reading.entry());
        break;
      default:
        rest = reading.unknown(rest, trainingFields);
    }
  }
  reading.keep(info, rest);
  wire.leave(outer);
  return info;
}
