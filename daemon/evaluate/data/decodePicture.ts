// PNG, JPEG and WebP into pixels: the decoders of the jSquash packages (libpng's Rust sibling, mozjpeg, libwebp as
// WebAssembly), which are part of the worker's bundle. Runs in a worker thread only (pictureWorker.ts).

import jpegWasm from '@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm';
import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import * as pngFile from '@jsquash/png/codec/pkg/squoosh_png_bg.wasm';
import { decode as decodePng, init as initPng } from '@jsquash/png/decode.js';
import webpWasm from '@jsquash/webp/codec/dec/webp_dec.wasm';
import decodeWebp, { init as initWebp } from '@jsquash/webp/decode.js';
import type { Picture } from './resize';

/** Pixels of one picture at the most: 100 million. */
const maxPixels = 1e8;

type Kind = 'png' | 'jpeg' | 'webp';

/** The kind by the first bytes, whatever the file is called. */
function pictureKind(bytes: Buffer): Kind | undefined {
  if (bytes.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg';
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') return 'webp';
  return undefined;
}

interface Decoder {
  prepare(): Promise<unknown>;
  decode(bytes: ArrayBuffer): Promise<{ width: number; height: number; data: Uint8ClampedArray }>;
}

// The package describes the file as what it exports once it runs; the bundler gives its bytes.
const pngWasm = (pngFile as unknown as { default: Uint8Array }).default;
const compile = (bytes: Uint8Array) => WebAssembly.compile(new Uint8Array(bytes));
const decoders: Readonly<Record<Kind, Decoder>> = {
  png: { prepare: async () => initPng(await compile(pngWasm)), decode: (bytes) => decodePng(bytes) },
  jpeg: { prepare: async () => initJpeg(await compile(jpegWasm)), decode: (bytes) => decodeJpeg(bytes) },
  webp: { prepare: async () => initWebp(await compile(webpWasm)), decode: (bytes) => decodeWebp(bytes) },
};
const ready = new Map<Kind, Promise<unknown>>();

// The decoders hand their pixels to the browser's class for them, which Node does not have.
class PixelData {
  constructor(
    readonly data: Uint8ClampedArray,
    readonly width: number,
    readonly height: number,
  ) {}
}
(globalThis as { ImageData?: unknown }).ImageData ??= PixelData;

/** Width and height that the header states, where it is quick to find; undefined elsewhere. */
function statedPixels(kind: Kind, bytes: Buffer): number | undefined {
  if (kind === 'png' && bytes.length >= 24) return bytes.readUInt32BE(16) * bytes.readUInt32BE(20);
  if (kind === 'jpeg')
    for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff;) {
      const marker = bytes[at + 1]!;
      if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
        return bytes.readUInt16BE(at + 5) * bytes.readUInt16BE(at + 7);
      at += 2 + bytes.readUInt16BE(at + 2);
    }
  return undefined;
}

/** Pixels with four channels. Throws an Error whose message is the second half of a sentence. */
export async function decodePicture(bytes: Buffer): Promise<Picture> {
  const kind = pictureKind(bytes);
  if (kind === undefined) throw new Error('it is neither PNG, JPEG nor WebP');
  if ((statedPixels(kind, bytes) ?? 0) > maxPixels) throw new Error('it has more than 100 million pixels');
  const decoder = decoders[kind];
  let prepared = ready.get(kind);
  if (!prepared) ready.set(kind, (prepared = decoder.prepare()));
  await prepared;
  try {
    const plain = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const { width, height, data } = await decoder.decode(plain);
    return { width, height, channels: 4, data };
  } catch {
    // A decoder that failed may be left in any state: the next picture gets a fresh one.
    ready.delete(kind);
    throw new Error(`the ${kind.toUpperCase()} data is damaged or of a kind that is not known`);
  }
}
