// What a model must be fed to be run, and whether it can be run here at all: a model with somebody's own operator
// cannot, and yet its weights can be quantized.

import { SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { bodiesOf } from '../ir/graphIndex';
import type { Graph, Model } from '../ir/model';
import { nameOf } from '../passes/quantize/outcome';
import { modelInputs } from '../runtime/modelInputs';
import { withRunner } from '../runtime/runner/runnerProcess';
import type { SessionValue } from '../runtime/runner/session';

export interface RunnableModel {
  readonly inputs: readonly SessionValue[];
  /** Why ONNX Runtime cannot run it, as the beginning of a sentence; absent when it can. */
  readonly unknown?: string;
}

/** Loads the model; throws `runnerFailed` when ONNX Runtime refuses it for another reason than a custom operator. */
export async function inputsToRun(path: string, model: Model, task: Task): Promise<RunnableModel> {
  try {
    return { inputs: await withRunner(task, async (runner) => (await runner.load(path, {}, task)).inputs) };
  } catch (error) {
    throwIfCancelled(task);
    const unknown = ownOperator(model.graph);
    if (unknown === undefined || !(error instanceof SlipwayError) || error.kind !== 'runnerFailed')
      throw error;
    const why = `ONNX Runtime cannot run the model here, since it does not know its ${unknown}`;
    return { inputs: modelInputs(model.graph) ?? [], unknown: why };
  }
}

/** Domains that ONNX Runtime has operators of, as their names begin. */
const known = ['ai.onnx', 'com.microsoft', 'com.ms.', 'org.pytorch.aten'];

function ownOperator({ nodes }: Graph): string | undefined {
  for (const node of nodes) {
    const { domain, opType } = node;
    if (domain !== '' && !known.some((start) => domain.startsWith(start)))
      return `operator ${opType} of domain ${domain} (node "${nameOf(node)}")`;
    for (const body of bodiesOf(node)) {
      const found = ownOperator(body);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
