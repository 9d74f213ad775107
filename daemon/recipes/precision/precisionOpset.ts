// Brings a model to the operator set from which convolutions, pools and others take bfloat16, where it holds some of them:
// else next to nothing of a convolutional network could be converted.

import type { Diagnostic } from '../../base/diagnostic';
import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import type { Model, Node } from '../../ir/model';
import { runPass } from '../../passes/pass';
import { signatureOf } from '../../passes/precision/halfTable';
import { isStandard, standardOpset } from '../../passes/rewrite';
import { raiseOpset } from '../../passes/simplify/raiseOpset';
import type { TensorReader } from '../../passes/tensorReader';

const oldest = 13;
const target = 22;

/** The model at operator set 22 where that lets more of it be bfloat16; as it is, with a note, where it cannot be brought there. */
export async function raisedForBfloat16(
  model: Model,
  read: TensorReader,
  task: Task,
): Promise<{ readonly model: Model; readonly notes: readonly Diagnostic[] }> {
  const opset = standardOpset(model);
  if (opset < oldest || opset >= target) return { model, notes: [] };
  const gaining = [
    ...new Set(model.graph.nodes.filter((node) => gains(node, opset)).map(({ opType }) => opType)),
  ];
  if (gaining.length === 0) return { model, notes: [] };
  const what = `${gaining.slice(0, 3).join(', ')}${gaining.length > 3 ? ', …' : ''}`;
  try {
    const pass = raiseOpset(read, {
      target,
      purpose: `bfloat16 in ${what}`,
      otherwise: 'These stay float32; choose storage, or fp16.',
    });
    const raised = await runPass(model, pass, task);
    const message = `The model was brought from operator set ${opset} to ${target}, from which ${what} take${gaining.length > 1 ? '' : 's'} bfloat16.`;
    return { model: raised.model, notes: [{ id: 'precision/raised', severity: 'info', message }] };
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.kind !== 'unsupported') throw error;
    return { model, notes: [{ id: 'precision/not-raised', severity: 'warning', message: error.message }] };
  }
}

/** Whether an input or output that is float32 only may be bfloat16 at the newer operator set. */
function gains(node: Node, opset: number): boolean {
  if (!isStandard(node)) return false;
  const [now, then] = [signatureOf(node, opset), signatureOf(node, target)];
  if (!now || !then) return false;
  return (
    node.inputs.some((name, at) => name !== '' && now.input(at) === 'f' && then.input(at) === 'h') ||
    node.outputs.some((name, at) => name !== '' && now.output(at) === 'f' && then.output(at) === 'h')
  );
}
