// Reads a ZIP archive as NumPy writes it: the directory at the end of the file, then entries as streams.
// Stored and deflated entries, 64-bit sizes; no encryption, no parts. Entries are never extracted to disk, and
// nothing trusts a size: an entry yields at most the bytes that its directory record states.

import { pipeline, Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { badRequest } from '../base/errors';
import type { ByteSource } from '../host/files';

export interface ZipEntry {
  readonly name: string;
  readonly method: 'stored' | 'deflated';
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Offset of the local header. */
  readonly offset: number;
}

const endSignature = 0x06054b50;
const end64LocatorSignature = 0x07064b50;
const end64Signature = 0x06064b50;
const recordSignature = 0x02014b50;
const localSignature = 0x04034b50;
/** A directory larger than this belongs to no data set. */
const maxDirectoryBytes = 64 * 1024 * 1024;
/** Deflate cannot shrink anything by more than this factor (RFC 1951: 258 bytes for two bits, and a little). */
const maxDeflateRatio = 1032;
const chunkBytes = 256 * 1024;

const damaged = (source: ByteSource, what: string) =>
  badRequest(`${source.ref.path} is not a readable .npz file: ${what}. Write it again with numpy.savez.`);

function readExactly(source: ByteSource, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const count = source.readSync(offset + filled, bytes.subarray(filled));
    if (count <= 0)
      throw damaged(source, `it ends at byte ${offset + filled}, in the middle of its directory`);
    filled += count;
  }
  return bytes;
}

function safeInteger(source: ByteSource, value: bigint): number {
  if (value > BigInt(source.ref.size) * BigInt(maxDeflateRatio))
    throw damaged(source, 'its directory states impossible sizes');
  return Number(value);
}

/** Position and length of the directory. */
function findDirectory(source: ByteSource): { offset: number; length: number; entries: number } {
  const size = source.ref.size;
  const tailLength = Math.min(size, 22 + 0xffff);
  const tail = readExactly(source, size - tailLength, tailLength);
  for (let at = tail.length - 22; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== endSignature) continue;
    let entries = tail.readUInt16LE(at + 10);
    let length = tail.readUInt32LE(at + 12);
    let offset = tail.readUInt32LE(at + 16);
    if (at >= 20 && tail.readUInt32LE(at - 20) === end64LocatorSignature) {
      const at64 = safeInteger(source, tail.readBigUInt64LE(at - 12));
      if (at64 + 56 > size) throw damaged(source, 'its directory lies outside the file');
      const end64 = readExactly(source, at64, 56);
      if (end64.readUInt32LE(0) !== end64Signature) throw damaged(source, 'its directory is damaged');
      entries = safeInteger(source, end64.readBigUInt64LE(32));
      length = safeInteger(source, end64.readBigUInt64LE(40));
      offset = safeInteger(source, end64.readBigUInt64LE(48));
    }
    if (offset + length > size || length > maxDirectoryBytes)
      throw damaged(source, 'its directory lies outside the file');
    return { offset, length, entries };
  }
  throw damaged(
    source,
    size === 0
      ? 'it is empty'
      : 'the directory at its end is missing, so it was cut off or is another kind of file',
  );
}

/** Sizes and offset from a ZIP64 extra field, for those that the record leaves at their maximum. */
function widen(
  source: ByteSource,
  extra: Buffer,
  fields: { bytes: number; compressedBytes: number; offset: number },
) {
  for (let at = 0; at + 4 <= extra.length;) {
    const id = extra.readUInt16LE(at);
    const length = extra.readUInt16LE(at + 2);
    at += 4;
    if (at + length > extra.length) break;
    if (id === 1) {
      let from = at;
      for (const field of ['bytes', 'compressedBytes', 'offset'] as const) {
        if (fields[field] !== 0xffffffff) continue;
        if (from + 8 > at + length) throw damaged(source, 'its directory is damaged');
        fields[field] = safeInteger(source, extra.readBigUInt64LE(from));
        from += 8;
      }
    }
    at += length;
  }
}

/** The entries of an archive, in directory order. Throws `badRequest` when it is damaged. */
export function readZipEntries(source: ByteSource): ZipEntry[] {
  const directory = findDirectory(source);
  const bytes = readExactly(source, directory.offset, directory.length);
  const entries: ZipEntry[] = [];
  for (let at = 0; at + 46 <= bytes.length && entries.length < directory.entries;) {
    if (bytes.readUInt32LE(at) !== recordSignature) throw damaged(source, 'its directory is damaged');
    const flags = bytes.readUInt16LE(at + 8);
    const method = bytes.readUInt16LE(at + 10);
    const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
    const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
    const next = extraEnd + bytes.readUInt16LE(at + 32);
    if (next > bytes.length) throw damaged(source, 'its directory is damaged');
    const name = bytes.toString('utf8', at + 46, nameEnd);
    const sizes = {
      compressedBytes: bytes.readUInt32LE(at + 20),
      bytes: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42),
    };
    widen(source, bytes.subarray(nameEnd, extraEnd), sizes);
    if ((flags & 1) !== 0) throw damaged(source, `its entry "${name}" is encrypted`);
    if (method !== 0 && method !== 8)
      throw damaged(
        source,
        `its entry "${name}" uses compression method ${method}, which NumPy does not write`,
      );
    const impossible =
      sizes.offset + sizes.compressedBytes > source.ref.size ||
      (method === 0
        ? sizes.bytes !== sizes.compressedBytes
        : sizes.bytes > sizes.compressedBytes * maxDeflateRatio);
    if (impossible) throw damaged(source, `its entry "${name}" states impossible sizes`);
    entries.push({
      name,
      method: method === 0 ? 'stored' : 'deflated',
      crc32: bytes.readUInt32LE(at + 16),
      ...sizes,
    });
    at = next;
  }
  if (entries.length < directory.entries) throw damaged(source, 'its directory is damaged');
  return entries;
}

async function* storedChunks(source: ByteSource, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const header = readExactly(source, entry.offset, 30);
  if (header.readUInt32LE(0) !== localSignature)
    throw damaged(source, `its entry "${entry.name}" is not where the directory says`);
  let at = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const end = at + entry.compressedBytes;
  if (end > source.ref.size) throw damaged(source, `its entry "${entry.name}" is cut off`);
  while (at < end) {
    const chunk = readExactly(source, at, Math.min(chunkBytes, end - at));
    at += chunk.length;
    yield chunk;
    // Reading is synchronous: let timers and cancellation through between chunks.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** The content of an entry, piece by piece; never more than `entry.bytes`. The caller may stop early. */
export async function* readZipEntry(source: ByteSource, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  if (entry.method === 'stored') {
    yield* storedChunks(source, entry);
    return;
  }
  const inflate = createInflateRaw({ chunkSize: chunkBytes });
  let failure: unknown;
  pipeline(Readable.from(storedChunks(source, entry), { objectMode: false }), inflate, (error) => {
    failure = error ?? undefined;
  });
  let count = 0;
  try {
    for await (const piece of inflate as AsyncIterable<Uint8Array>) {
      count += piece.byteLength;
      if (count > entry.bytes)
        throw damaged(source, `its entry "${entry.name}" is longer than the directory says`);
      yield piece;
    }
  } catch (error) {
    const code = (error as { code?: unknown }).code ?? (failure as { code?: unknown } | undefined)?.code;
    if (typeof code === 'string' && code.startsWith('Z_'))
      throw damaged(source, `the compressed data of "${entry.name}" is damaged`);
    throw error;
  } finally {
    inflate.destroy();
  }
}
