// Half precision: nodes that plan.ts chose compute in float16 or bfloat16, the others stay float32, with one Cast
// for each value that crosses over. Inputs and outputs of the model keep float32 unless the caller wants otherwise.
// Bodies of If, Loop and Scan are converted too; model-local functions are not.

import type { Diagnostic } from '../../base/diagnostic';
import { breathe, type Task } from '../../base/task';
import { attribute, node as makeNode } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Graph, Model, Node, ValueInfo } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { inferTypes } from '../facts';
import { Names } from '../names';
import type { Pass, PassResult } from '../pass';
import { nameOf, type Left } from '../quantize/outcome';
import { isOp, standardOpset } from '../rewrite';
import { floatsOf, withFloats, type TensorReader } from '../tensorReader';
import { constantsEverywhere } from './constants';
import { halfConstant, type HalfFormat } from './format';
import { signatureOf } from './halfTable';
import { planHalf, portsOf, readsAnyType, type PlanOptions } from './plan';
import { allScopes, definingScope, knownType, scopeTree, type Scope } from './scopes';

export interface HalfOptions extends PlanOptions {
  /** Inputs and outputs of the model become half too; they stay float32 when absent. */
  readonly halfIo?: boolean;
  /**
   * Arithmetic stays float32 and every value that would be half is rounded: the results of a device with half kernels
   * on any CPU. ONNX Runtime's CPU provider itself computes longer chains of float16 nodes in float32.
   */
  readonly emulate?: boolean;
}

export interface HalfOutcome extends PassResult {
  /** Names of the nodes that compute in half floats. */
  readonly converted: readonly string[];
  /** Nodes that compute on floats and stay float32, with the reason. */
  readonly left: readonly Left[];
}

type Kind = 'half' | 'float';

/** A place that holds a value's name. */
type Slot = (name: string) => void;

/** A FLOAT value of one graph, and where it is read. */
interface Value {
  readonly name: string;
  readonly scope: Scope;
  /** What its producer makes; a constant is made in either type. */
  readonly native: Kind | 'constant';
  readonly producer: Node | undefined;
  /** The type that its name must have: it is an output of the model. */
  pinned: Kind | undefined;
  readonly reads: Record<Kind, Slot[]>;
  /** A reader for which a sentinel is a bound, not a mask. */
  bound: boolean;
}

/** Converts a float model of opset 6 or newer (bfloat16: 13) whose constants are no inputs. */
export const convertToHalf = (read: TensorReader, options: HalfOptions): Pass<HalfOutcome> => ({
  name: `convert to ${options.format.name}`,
  requires: (model) => tooOld(model, options.format),
  run: (model, task) => new HalfConverter(constantsEverywhere(model), read, options).run(model, task),
});

/** Why the model's operator set is too old for a Cast to the format, or undefined. */
export function tooOld(model: Model, format: HalfFormat): string | undefined {
  const least = format.name === 'bfloat16' ? 13 : 6;
  const opset = standardOpset(model);
  return opset >= least
    ? undefined
    : `${format.name} needs operator set ${least}, and this model uses ${opset}. Export the model again with a newer one.`;
}

class HalfConverter {
  private readonly values = new Map<Scope, Map<string, Value>>();
  private readonly names: Names;
  private readonly clamped: string[] = [];
  private readonly raised: string[] = [];
  private readonly atStart = new Map<Graph, Node[]>();
  private readonly after = new Map<Node, Node[]>();
  private half: ReadonlySet<Node> = new Set();

  /** `model` is the pass's own copy. */
  constructor(
    private readonly model: Model,
    private readonly read: TensorReader,
    private readonly options: HalfOptions,
  ) {
    this.names = new Names(model);
  }

  async run(original: Model, task: Task): Promise<HalfOutcome> {
    const { model } = this;
    const opset = standardOpset(model);
    const root = scopeTree(model.graph, await inferTypes(model, this.read));
    const plan = await planHalf(root, opset, this.read, this.options, task);
    this.half = plan.half;
    const { left } = plan;
    // Before outputs are renamed, which name the nodes without a name.
    const converted = [...plan.half].map(nameOf);
    if (plan.half.size === 0) return { model: original, modified: false, converted: [], left };
    for (const scope of allScopes(root)) this.define(scope, opset);
    for (const scope of allScopes(root)) this.collectReads(scope, opset);
    for (const scope of allScopes(root)) {
      for (const value of this.values.get(scope)!.values()) {
        await breathe(task);
        await (this.options.emulate === true ? this.settleRounded(value, task) : this.settle(value, task));
      }
    }
    for (const scope of allScopes(root)) {
      for (const node of scope.graph.nodes)
        if (plan.half.has(node) && this.options.emulate !== true) await this.patch(node, task);
      this.emit(scope);
    }
    model.irVersion = Math.max(model.irVersion, 4);
    return {
      model,
      modified: true,
      notes: this.notes(),
      converted,
      left,
    };
  }

  /** Finds the FLOAT values that a graph defines and what they are made as. */
  private define(scope: Scope, opset: number): void {
    const { graph } = scope;
    const found = new Map<string, Value>();
    this.values.set(scope, found);
    const add = (name: string, native: Value['native'], producer?: Node) => {
      const reads = { half: [], float: [] };
      found.set(name, { name, scope, native, producer, pinned: undefined, reads, bound: false });
    };
    const isFloat = (name: string) => name !== '' && knownType(scope, name) === 'float';
    const constants = new Set(graph.initializers.map((tensor) => tensor.name));
    const inputs = new Set(graph.inputs.map((input) => input.name));
    for (const { name } of graph.inputs) {
      const native: Kind =
        constants.has(name) || !isFloat(name) || !this.boundaryIsHalf(scope) ? 'float' : 'half';
      if (isFloat(name)) add(name, native);
    }
    for (const tensor of graph.initializers)
      if (tensor.dataType === DataType.FLOAT && !inputs.has(tensor.name)) add(tensor.name, 'constant');
    for (const { values } of graph.sparseInitializers)
      if (values.dataType === DataType.FLOAT) add(values.name, 'float');
    for (const node of graph.nodes) {
      const signature = this.half.has(node) ? signatureOf(node, opset) : undefined;
      const ports = signature && portsOf(node, scope, signature);
      for (const [position, name] of node.outputs.entries())
        if (isFloat(name)) add(name, ports?.outputs[position] === true ? 'half' : 'float', node);
    }
  }

  /** Whether the formal inputs and outputs of a graph are half. */
  private boundaryIsHalf(scope: Scope): boolean {
    return scope.owner ? this.half.has(scope.owner) : this.options.halfIo === true;
  }

  private collectReads(scope: Scope, opset: number): void {
    const valueOf = (name: string): Value | undefined => {
      const at = name === '' ? undefined : definingScope(scope, name);
      return at && this.values.get(at)?.get(name);
    };
    for (const node of scope.graph.nodes) {
      const signature = this.half.has(node) ? signatureOf(node, opset) : undefined;
      const ports = signature && portsOf(node, scope, signature);
      for (const [position, name] of node.inputs.entries()) {
        const value = valueOf(name);
        // CastLike becomes a Cast: see patch.
        if (!value || (signature && position === 1 && isOp(node, 'CastLike'))) continue;
        const kind: Kind = ports?.inputs[position] === true ? 'half' : 'float';
        // In whatever type the value has under its own name; a constant is no worse off in float32.
        const any =
          value.native !== 'constant' &&
          readsAnyType(node, position) &&
          (signature !== undefined || !isOp(node, 'CastLike'));
        const wanted = any ? value.native : kind;
        value.reads[wanted].push((changed) => (node.inputs[position] = changed));
        if (isOp(node, 'Clip', 'Min', 'Max', 'Pad')) value.bound = true;
      }
    }
    const kind: Kind = this.boundaryIsHalf(scope) ? 'half' : 'float';
    for (const output of scope.graph.outputs) {
      const value = valueOf(output.name);
      if (!value) continue;
      if (!scope.parent) value.pinned = value.native === 'float' && !value.producer ? 'float' : kind;
      else value.reads[kind].push((changed) => (output.name = changed));
    }
  }

  /** Names a value's two types, renames its readers, and makes the Cast or the tensor that is missing. */
  private async settle(value: Value, task: Task): Promise<void> {
    const { name, scope, native, reads, pinned } = value;
    const needs = (kind: Kind) => reads[kind].length > 0 || pinned === kind;
    const own =
      pinned ?? (native === 'constant' ? (needs('float') || !needs('half') ? 'float' : 'half') : native);
    const other: Kind = own === 'half' ? 'float' : 'half';
    const otherMade = native === other || needs(other);
    const otherName = otherMade
      ? this.names.fresh(`${name}_${other === 'half' ? this.options.format.name : 'float32'}`)
      : undefined;
    if (otherName !== undefined) for (const slot of reads[other]) slot(otherName);
    if (own === 'half') this.retype(scope.graph, name);
    if (native === 'constant') {
      if (needs('half'))
        await this.constant(value, own === 'half' ? name : (otherName ?? name), own, otherName, task);
      return;
    }
    if (otherName === undefined) return;
    const { producer } = value;
    if (native === other && producer)
      producer.outputs = producer.outputs.map((each) => (each === name ? otherName : each));
    const [from, to] = native === own ? [name, otherName] : [otherName, name];
    this.cast(value, from, to, native === 'half' ? DataType.FLOAT : this.options.format.dataType);
  }

  /** Adds a Cast right after the value's producer. */
  private cast({ producer, scope }: Value, from: string, to: string, type: DataType): void {
    const cast = makeNode('Cast', [from], [to], {
      name: this.names.fresh(`${to}_Cast`),
      attributes: { to: BigInt(type) },
    });
    if (producer) this.after.set(producer, [...(this.after.get(producer) ?? []), cast]);
    else this.atStart.set(scope.graph, [...(this.atStart.get(scope.graph) ?? []), cast]);
  }

  /** The same for `emulate`: values keep float32 and go through the half type. */
  private async settleRounded(value: Value, task: Task): Promise<void> {
    const { name, scope, native, producer, reads, pinned } = value;
    const { format } = this.options;
    const through = (from: string, to: string) => {
      const rounded = this.names.fresh(`${name}_${format.name}`);
      this.cast(value, from, rounded, format.dataType);
      this.cast(value, rounded, to, DataType.FLOAT);
    };
    if (native === 'half') {
      if (!producer) return;
      const exact = this.names.fresh(`${name}_exact`);
      producer.outputs = producer.outputs.map((each) => (each === name ? exact : each));
      through(exact, name);
      return;
    }
    if (reads.half.length === 0) return;
    const alone = native === 'constant' && reads.float.length === 0 && pinned === undefined;
    const other = alone ? name : this.names.fresh(`${name}_rounded`);
    for (const slot of reads.half) slot(other);
    if (native === 'float') {
      through(name, other);
      return;
    }
    const { initializers } = scope.graph;
    const at = initializers.findIndex((tensor) => tensor.name === name);
    const made = await this.rounded(value, initializers[at]!, task);
    const bits = await this.bitsOf(made);
    const tensor = withFloats(initializers[at]!, format.floats(bits), made.dims, other);
    if (alone) initializers[at] = tensor;
    else initializers.push(tensor);
  }

  private async bitsOf(tensor: Tensor): Promise<Uint16Array> {
    const bytes = new Uint8Array(await this.read(tensor));
    return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  }

  /** A constant in the half type; notes what had to be changed. */
  private async rounded({ name, bound }: Value, tensor: Tensor, task: Task): Promise<Tensor> {
    const { format } = this.options;
    const never = bound ? format.largest : format.never;
    const made = await halfConstant(tensor, await floatsOf(this.read, tensor), format, never, task);
    if (made.clamped > 0) this.clamped.push(name);
    if (made.raised > 0) this.raised.push(name);
    return made.tensor;
  }

  private async constant(
    value: Value,
    halfName: string,
    own: Kind,
    otherName: string | undefined,
    task: Task,
  ): Promise<void> {
    const { initializers } = value.scope.graph;
    const at = initializers.findIndex((tensor) => tensor.name === value.name);
    const tensor = initializers[at]!;
    const half = { ...(await this.rounded(value, tensor, task)), name: halfName };
    if (own === 'float') initializers.push(half);
    else initializers[at] = half;
    if (own === 'half' && otherName !== undefined) initializers.push({ ...tensor, name: otherName });
  }

  private retype(graph: Graph, name: string): void {
    const change = (info: ValueInfo) => {
      if (info.name === name && info.type?.kind === 'tensor' && info.type.elemType === DataType.FLOAT)
        info.type.elemType = this.options.format.dataType;
    };
    graph.valueInfo.forEach(change);
    graph.inputs.forEach(change);
    graph.outputs.forEach(change);
  }

  /** Attributes that name a type, or hold a value of one. */
  private async patch(node: Node, task: Task): Promise<void> {
    const { dataType } = this.options.format;
    if (isOp(node, 'CastLike')) {
      // ONNX Runtime's own insertion of casts gets CastLike wrong.
      Object.assign(node, {
        opType: 'Cast',
        inputs: [node.inputs[0]!],
        attributes: [attribute('to', BigInt(dataType))],
      });
      return;
    }
    if (isOp(node, 'Cast'))
      node.attributes = node.attributes.map((each) =>
        each.name === 'to' ? attribute('to', BigInt(dataType)) : each,
      );
    if (!isOp(node, 'ConstantOfShape')) return;
    const given = node.attributes.find(({ name }) => name === 'value');
    const tensor = given?.type === 'TENSOR' ? given.value : undefined;
    const { format } = this.options;
    const zero = { name: '', dataType: DataType.FLOAT, dims: [1], docString: '', metadataProps: [] };
    const values = tensor ? await floatsOf(this.read, tensor) : new Float32Array(1);
    const made = await halfConstant(
      tensor ?? { ...zero, storage: { kind: 'none' } },
      values,
      format,
      format.never,
      task,
    );
    if (made.clamped > 0) this.clamped.push(nameOf(node));
    node.attributes = [attribute('value', made.tensor)];
  }

  /** Puts the Casts in and types the outputs of bodies. */
  private emit(scope: Scope): void {
    const { graph } = scope;
    const start = this.atStart.get(graph) ?? [];
    graph.nodes = [...start, ...graph.nodes.flatMap((node) => [node, ...(this.after.get(node) ?? [])])];
    if (!scope.owner || !this.half.has(scope.owner) || this.options.emulate === true) return;
    for (const output of graph.outputs)
      if (output.type?.kind === 'tensor' && output.type.elemType === DataType.FLOAT)
        output.type.elemType = this.options.format.dataType;
  }

  private notes(): Diagnostic[] {
    const listed = (names: readonly string[]) =>
      `"${names.slice(0, 3).join('", "')}"${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
    const { name, never, smallest, largest } = this.options.format;
    const notes: Diagnostic[] = [];
    if (this.clamped.length > 0)
      notes.push({
        id: 'precision/clamped',
        severity: 'warning',
        message: `Constants that stand for "never" or "no bound" are beyond ${name} and were set to ±${never.toPrecision(5)} (bounds to ±${largest.toPrecision(5)}): ${listed(this.clamped)}.`,
        where: { value: this.clamped[0]! },
      });
    if (this.raised.length > 0)
      notes.push({
        id: 'precision/raised',
        severity: 'info',
        message: `Small constants that would have been zero were set to ${smallest.toPrecision(3)}, the smallest number of ${name}: ${listed(this.raised)}.`,
        where: { value: this.raised[0]! },
      });
    return notes;
  }
}
