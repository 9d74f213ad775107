// Reads .wav files (RIFF: whole numbers of 8 to 32 bits, floating point of 32 and 64) as one channel, and brings
// them to another rate. "Multimedia Programming Interface and Data Specifications 1.0" (IBM and Microsoft, 1991).

export interface Sound {
  /** Samples a second. */
  readonly rate: number;
  /** −1 to 1; channels are averaged. */
  readonly samples: Float32Array;
}

const extensible = 0xfffe;

function sampleReader(view: DataView, format: number, bits: number): (at: number) => number {
  if (format === 3 && bits === 32) return (at) => view.getFloat32(at, true);
  if (format === 3 && bits === 64) return (at) => view.getFloat64(at, true);
  if (format === 1 && bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (format === 1 && bits === 16) return (at) => view.getInt16(at, true) / 2 ** 15;
  if (format === 1 && bits === 24)
    return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 2 ** 23;
  if (format === 1 && bits === 32) return (at) => view.getInt32(at, true) / 2 ** 31;
  throw new Error(
    `its values (format ${format}, ${bits} bits) are none that are known; save it as PCM or floating point`,
  );
}

/** Decodes a whole file. Throws an Error whose message is the second half of a sentence. */
export function decodeWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number) =>
    at + 4 <= bytes.length ? String.fromCharCode(...bytes.subarray(at, at + 4)) : '';
  if (word(0) !== 'RIFF' || word(8) !== 'WAVE') throw new Error('it is no .wav file');
  let layout: { format: number; channels: number; rate: number; bits: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true);
    const start = at + 8;
    if (word(at) === 'fmt ' && length >= 16 && start + 16 <= bytes.length) {
      const stated = view.getUint16(start, true);
      // The extensible form has the format in the first two bytes of an identifier at 24.
      const format =
        stated === extensible && length >= 26 && start + 26 <= bytes.length
          ? view.getUint16(start + 24, true)
          : stated;
      layout = {
        format,
        channels: view.getUint16(start + 2, true),
        rate: view.getUint32(start + 4, true),
        bits: view.getUint16(start + 14, true),
      };
    }
    if (word(at) === 'data') {
      if (!layout || layout.channels === 0 || layout.rate === 0) throw new Error('its header is damaged');
      // Writers that stream leave the length open; what is there counts.
      const end = Math.min(bytes.length, start + length);
      return { rate: layout.rate, samples: mono(view, start, end, layout) };
    }
    at = start + length + (length % 2);
  }
  throw new Error('it holds no sound');
}

function mono(
  view: DataView,
  start: number,
  end: number,
  { format, channels, bits }: { format: number; channels: number; bits: number },
): Float32Array {
  const read = sampleReader(view, format, bits);
  const width = bits / 8;
  const frames = Math.floor((end - start) / (width * channels));
  const samples = new Float32Array(frames);
  for (let i = 0; i < frames; i += 1) {
    let sum = 0;
    for (let c = 0; c < channels; c += 1) sum += read(start + (i * channels + c) * width);
    samples[i] = sum / channels;
  }
  return samples;
}

/** Zero crossings of the sinc on each side. */
const lobes = 6;
/** Share of the band below half the lower rate that is kept. */
const rolloff = 0.99;

/**
 * The sound at another rate: band-limited interpolation with a sinc under a Hann window (J. O. Smith, "Digital Audio
 * Resampling", 1984), six crossings wide, as torchaudio's default is.
 */
export function resample({ rate, samples }: Sound, wanted: number): Sound {
  if (rate === wanted) return { rate, samples };
  const base = Math.min(rate, wanted) * rolloff;
  const reach = (lobes * rate) / base;
  const out = new Float32Array(Math.ceil((samples.length * wanted) / rate));
  for (let i = 0; i < out.length; i += 1) {
    const center = (i * rate) / wanted;
    const last = Math.min(samples.length - 1, Math.floor(center + reach));
    let sum = 0;
    for (let k = Math.max(0, Math.ceil(center - reach)); k <= last; k += 1) {
      const t = Math.max(-lobes, Math.min(lobes, ((k - center) * base) / rate));
      const window = Math.cos((t * Math.PI) / lobes / 2) ** 2;
      sum += samples[k]! * window * (t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t));
    }
    out[i] = (sum * base) / rate;
  }
  return { rate: wanted, samples: out };
}

/** Exactly `count` samples: cut at the end, or filled with silence. */
export function fitted(samples: Float32Array, count: number): Float32Array {
  if (samples.length >= count) return samples.subarray(0, count);
  const out = new Float32Array(count);
  out.set(samples);
  return out;
}
