// A model that a command looks at: binary, or in its textual form.

import { hasErrors } from '../base/diagnostic';
import { SlipwayError } from '../base/errors';
import type { Task } from '../base/task';
import type { Model } from '../ir/model';
import { readBinaryOrText } from '../onnx/text/readText';

/** Throws `invalidModel` when the file holds none. */
export async function modelToRead(path: string, task: Task): Promise<Model> {
  const { model, diagnostics } = await readBinaryOrText(path, task);
  if (model) return model;
  const why = diagnostics.find((each) => hasErrors([each]))?.message ?? 'It is empty.';
  throw new SlipwayError('invalidModel', `${path} cannot be read as a model: ${why}`, {
    data: { diagnostics },
  });
}
