// What a file that is not ONNX probably is, by its first bytes, and what to do then.

import type { ByteSource } from '../host/files';

export interface Guess {
  readonly what: string;
  readonly advice: string;
}

const exportIt = 'Export it to ONNX first.';

/** A guess from the first bytes of the file, or undefined. */
export function guessFormat(source: ByteSource): Guess | undefined {
  const head = Buffer.alloc(512);
  const size = source.readSync(0, head);
  const bytes = head.subarray(0, size);
  const text = bytes.toString('latin1');
  const word = text.slice(4, 8);
  if (text.startsWith('version https://git-lfs.github.com')) {
    return {
      what: 'a Git LFS pointer, which only names the model',
      advice: 'Run "git lfs pull" in its repository to fetch the model itself.',
    };
  }
  if (text.startsWith('PK\x03\x04')) {
    return {
      what: 'a ZIP archive (PyTorch .pt and .npz files are such archives)',
      advice: 'Unpack it, or export the PyTorch model to ONNX.',
    };
  }
  if (text.startsWith('\x89HDF\r\n')) return { what: 'an HDF5 file (Keras .h5)', advice: exportIt };
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5) {
    return { what: 'a Python pickle (older PyTorch files are pickles)', advice: exportIt };
  }
  if (word === 'TFL3') return { what: 'a TensorFlow Lite model', advice: 'Convert it to ONNX first.' };
  if (word === 'ORTM') {
    return {
      what: "a model in ONNX Runtime's own .ort format",
      advice:
        'Open the .onnx file that it was made from to see its graph or change it; benchmark and evaluate take it as it is.',
    };
  }
  if (text.startsWith('GGUF')) return { what: 'a GGUF file', advice: 'Get the model in ONNX form.' };
  if (text.startsWith('\x93NUMPY')) return { what: 'a NumPy array (.npy)', advice: 'Name the model file.' };
  if (text.startsWith('\x1f\x8b')) return { what: 'a gzip archive', advice: 'Unpack it first.' };
  if (size >= 10 && text[8] === '{' && bytes.readBigUInt64LE(0) < BigInt(source.ref.size)) {
    return { what: 'a safetensors file, which holds weights without a graph', advice: exportIt };
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) {
    return { what: 'a web page or XML', advice: 'The download probably failed; fetch the file again.' };
  }
  if (/^\s*[[{]\s*["{[\]}]/.test(text)) return { what: 'JSON', advice: 'Name the .onnx file.' };
  if (/^\s*(ir_version\s*:|<\s*ir_version|#)/.test(text)) {
    return { what: "a model in one of ONNX's text forms", advice: 'Convert it to the binary form first.' };
  }
  if (size > 0 && isText(bytes)) return { what: 'a text file', advice: 'Name the .onnx file.' };
  return undefined;
}

/** Printable ASCII and white space only. */
const isText = (bytes: Uint8Array) =>
  bytes.every((byte) => (byte >= 32 && byte < 127) || byte === 9 || byte === 10 || byte === 13);
