// A model from a file in ONNX's textual form, with what is wrong with the text as diagnostics that name line and column.

import type { Diagnostic } from '../../base/diagnostic';
import { breathing, type Task } from '../../base/task';
import { openSource } from '../../host/files';
import { resolveExternalData } from '../externalData';
import { modelTensors } from '../modelTensors';
import { readModel, type ReadResult } from '../readModel';
import { parseLongText } from './parseText';
import type { SyntaxProblem } from './syntax';
import { buildingModel } from './toModel';

/** A longer text is a program's output, for which there is the binary form. */
const mostBytes = 256 * 2 ** 20;

/** Whether a file is taken for text: by its name, as editors do. */
const isTextPath = (path: string): boolean => /\.onnxtxt$/i.test(path);

/** Reads a model, binary or, by the name of the file, in its textual form. */
export const readBinaryOrText = (path: string, task: Task): Promise<ReadResult> =>
  isTextPath(path) ? readTextModel(path, task) : readModel(path, task);

/** Never throws for a broken text; a missing or unreadable file throws a SlipwayError. */
async function readTextModel(path: string, task: Task): Promise<ReadResult> {
  const source = openSource(path);
  const { ref: file } = source;
  const sizes = { file, fileBytes: file.size, externalBytes: 0 };
  try {
    if (file.size === 0) return { ...sizes, diagnostics: [problem('onnx/empty', 'The file is empty.')] };
    if (file.size > mostBytes)
      return { ...sizes, diagnostics: [problem('text/too-long', 'The text is longer than 256 MiB. Keep such a model in the binary form.')] }; // prettier-ignore
    const bytes = new Uint8Array(file.size);
    const text = new TextDecoder().decode(bytes.subarray(0, source.readSync(0, bytes)));
    const syntax = await parseLongText(text, task);
    const diagnostics = syntax.problems.map((each) => placed('text/syntax', text, each));
    if (!syntax.graph) {
      if (diagnostics.length === 0) diagnostics.push(problem('onnx/no-graph', 'The text holds no graph.'));
      return { ...sizes, diagnostics };
    }
    const { model, problems } = await breathing(buildingModel(syntax), task);
    diagnostics.push(...problems.map((each) => placed('text/value', text, each)));
    const externalBytes = await resolveExternalData({
      file,
      task,
      tensors: Array.from(modelTensors(model), ({ tensor }) => ({
        tensor,
        scope: '',
        byteOffset: undefined,
      })),
      report: (severity, id, message, where) =>
        diagnostics.push({ id, severity, message: `${message}.`, ...(where ? { where } : {}) }),
    });
    return { ...sizes, externalBytes, model, diagnostics };
  } finally {
    source.close();
  }
}

const problem = (id: string, message: string): Diagnostic => ({ id, severity: 'error', message });

function placed(id: string, text: string, { start, message }: SyntaxProblem): Diagnostic {
  const before = text.slice(0, start);
  const line = before.split('\n').length;
  return problem(id, `Line ${line}, column ${start - before.lastIndexOf('\n')}: ${message}`);
}
