// Where a run writes: what the form says, or a free name beside the model.

import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import type { FormValues } from '../../daemon/protocol/jobPage';
import type { Method, Situation } from './job';

/** Values with `output` as an absolute path, for methods that write a model. */
export function withOutput(
  method: Method,
  values: FormValues,
  situation: Pick<Situation, 'model' | 'beside'>,
): FormValues {
  if (method.ending === undefined) return values;
  const { output } = values;
  if (typeof output !== 'string' || output.trim() === '')
    return { ...values, output: freeOutput(method, values, situation) };
  return { ...values, output: isAbsolute(output) ? output : join(dirname(situation.model), output) };
}

/** `resnet.int8.onnx` beside the model, or the first of `resnet.int8-2.onnx`, … that is not there. */
export function freeOutput(
  method: Method,
  values: FormValues,
  { model, beside }: Pick<Situation, 'model' | 'beside'>,
): string {
  const stem = basename(model, extname(model));
  const ending = method.ending?.(values) ?? 'new';
  for (let i = 1; ; i += 1) {
    const name = `${stem}.${ending}${i === 1 ? '' : `-${i}`}.onnx`;
    if (!beside.includes(name)) return join(dirname(model), name);
  }
}
