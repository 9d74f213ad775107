// Where in the program that exported a model a node was made: stack traces that exporters leave beside nodes, as frames.
// What they say is text from a file: nothing of it is opened here.

import type { StringEntry } from '../ir/model';

export interface SourceFrame {
  file: string;
  line: number;
  /** Function that the line is in; may be empty. */
  function: string;
  /** The line itself, as far as the trace quotes it; may be empty. */
  code: string;
  /** Whether it lies in an installed package rather than in somebody's own code. */
  library: boolean;
}

/** The key of PyTorch's exporter; other exporters have taken it over. */
const traceKeys = ['pkg.torch.onnx.stack_trace', 'stack_trace'];
const mostText = 200_000;
const mostFrames = 64;

const pythonFrame = /^\s*File "([^"]{1,4096})", line (\d{1,9})(?:, in (.*))?$/;
/** `model.py(12): forward` and `# model.py:12:0`: how the older exporter wrote it into doc_string. */
const oldFrame =
  /^[\s#]*([^\s()"'][^()"']{0,4000}\.pyi?)(?:\((\d{1,9})\)|:(\d{1,9})(?::\d{1,9})?)(?::\s*(.*))?$/;

/** The frames of a node, the innermost first; empty where the exporter left none. */
export function sourceFrames(metadata: readonly StringEntry[], docString = ''): SourceFrame[] {
  const trace = metadata.find(({ key }) => traceKeys.includes(key))?.value;
  const frames = trace === undefined ? [] : parse(trace, pythonFrame);
  return (frames.length > 0 ? frames.reverse() : parse(docString, oldFrame)).slice(0, mostFrames);
}

function parse(text: string, pattern: RegExp): SourceFrame[] {
  const frames: SourceFrame[] = [];
  for (const line of text.slice(0, mostText).split('\n')) {
    const match = line.length > 10_000 ? null : pattern.exec(line.trimEnd());
    const last = frames.at(-1);
    if (match) {
      const [, file = '', first, second, third] = match;
      const old = pattern === oldFrame;
      const number = Number(old ? (first ?? second) : first);
      const named = (old ? third : second) ?? '';
      frames.push({
        file,
        line: number,
        function: named.trim().slice(0, 200),
        code: '',
        library: isLibrary(file),
      });
    } else if (last?.code === '' && line.trim() !== '') last.code = line.trim().slice(0, 400);
  }
  return frames;
}

const isLibrary = (file: string): boolean =>
  /[\\/](?:site-packages|dist-packages)[\\/]|[\\/]lib[\\/]python\d[\d.]*[\\/]|^<frozen /.test(file);
