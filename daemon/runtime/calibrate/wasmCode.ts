// Just enough of an assembler for WebAssembly to write a loop over numbers by hand: a function's code is a list of
// bytes, made by the functions below in the order of the instructions, which keep their names from the specification
// (https://webassembly.github.io/spec/core/binary/instructions.html).

export type Code = readonly number[];

/** Types of parameters and local variables. */
export const wasmTypes = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;
export type WasmType = keyof typeof wasmTypes;

/** A function without result; locals count on from the parameters. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly WasmType[];
  readonly locals: readonly WasmType[];
  readonly code: readonly Code[];
}

/** An unsigned LEB128 number. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return [...bytes, rest];
}

/** A signed LEB128 number of 32 bits. */
function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const ends = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
  return ends ? [low] : [low | 0x80, ...signed(rest)];
}

const list = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()];
const sized = (bytes: Code): number[] => [...unsigned(bytes.length), ...bytes];
const section = (id: number, bytes: Code): number[] => [id, ...sized(bytes)];
const text = (value: string): number[] => sized([...new TextEncoder().encode(value)]);
const simd = (operation: number, ...rest: number[]): Code => [0xfd, ...unsigned(operation), ...rest];

const local =
  (operation: number) =>
  (index: number): Code => [operation, ...unsigned(index)];
/** Loads and stores name the power of two that addresses are a multiple of, and a distance from the address. */
const memory =
  (operation: Code, alignment: number) =>
  (offset = 0): Code => [...operation, alignment, ...unsigned(offset)];
const constants = (values: Int32Array | Float32Array): Code => simd(12, ...new Uint8Array(values.buffer));

export const wasm = {
  get: local(0x20),
  set: local(0x21),
  tee: local(0x22),
  i32: {
    const: (value: number): Code => [0x41, ...signed(value)],
    add: [0x6a],
    lessUnsigned: [0x49],
    load: memory([0x28], 2),
    store: memory([0x36], 2),
  },
  v128: {
    load: memory(simd(0), 4),
    store: memory(simd(11), 4),
    xor: simd(81),
  },
  i32x4: {
    const: (...values: readonly [number, number, number, number]): Code => constants(Int32Array.from(values)),
    splat: simd(17),
    extractLane: (lane: number): Code => simd(27, lane),
    equal: simd(55),
    shiftLeft: simd(171),
    shiftRightUnsigned: simd(173),
    add: simd(174),
    subtract: simd(177),
    minSigned: simd(182),
    maxSigned: simd(184),
  },
  f32x4: {
    const: (value: number): Code => constants(new Float32Array(4).fill(value)),
    splat: simd(19),
    truncate: simd(105),
    add: simd(228),
    multiply: simd(230),
  },
  /** Runs the code, and again as long as the condition that it ends with holds. */
  repeat: (body: readonly Code[], condition: readonly Code[]): Code => [
    ...[0x03, 0x40, ...body.flat(), ...condition.flat()],
    ...[0x0d, 0, 0x0b],
  ],
} as const;

/** A module of these functions over the memory that it is given as `memory.it`. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array {
  const typeOf = ({ parameters }: WasmFunction) => [
    0x60,
    ...list(parameters.map((type) => [wasmTypes[type]])),
    0,
  ];
  const bodyOf = ({ locals, code }: WasmFunction) =>
    sized([...list(locals.map((type) => [1, wasmTypes[type]])), ...code.flat(), 0x0b]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(functions.map(typeOf))),
    ...section(2, list([[...text('memory'), ...text('it'), 0x02, 0x00, 0x01]])),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(7, list(functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]))),
    ...section(10, list(functions.map(bodyOf))),
  ]);
}
