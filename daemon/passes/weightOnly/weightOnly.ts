// Weight-only quantization as a pass: every weight of MatMul and Gemm (and tables of Gather) is quantized once, one
// after another, and its nodes are rewritten. How weights are rounded is quantizeMatrix.ts, how bytes lie is
// layouts.ts, what the nodes become is emitProducts.ts. All other nodes stay as they are.

import { unsupported } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import { cloneModel } from '../../ir/clone';
import { indexGraph } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import type { Bytes } from '../../ir/tensor';
import { DataType } from '../../ir/dataType';
import { floatToHalf, halfToFloat } from '../../onnx/float16';
import type { Pass } from '../pass';
import {
  bodyNotes,
  markQuantized,
  nameOf,
  nothingTaken,
  refusal,
  type Left,
  type QuantizeOutcome,
} from '../quantize/outcome';
import { Emitter } from '../quantize/emitter';
import { constantTensors, isOp, standardOpset } from '../rewrite';
import { awqFactors, someColumns } from './awq';
import { type BlockFitter, type BlockFormat } from './blocks';
import { ProductEmitter, blockedOpset } from './emitProducts';
import { findWeights, type WeightUse } from './layers';
import { BlockedSink, PackedSink } from './layouts';
import { wholeMatrix, type RangeReader } from './matrix';
import {
  FactorCache,
  fitterOf,
  quantizeStreaming,
  quantizeWithGram,
  sumOfGrams,
  type InputGram,
  type LayerError,
  type WeightAlgorithm,
} from './quantizeMatrix';

export interface WeightOnlyOptions extends BlockFormat {
  readonly algorithm: WeightAlgorithm;
  /** `nbits`: MatMulNBits and GatherBlockQuantized of com.microsoft; `blocked`: DequantizeLinear of opset 21. */
  readonly form: 'nbits' | 'blocked';
  /** MatMulNBits computes activations in: 0 the best there is, 1 float32, 4 int8. */
  readonly accuracyLevel: number;
  readonly embeddings: boolean;
  /** Bits of tables that are only looked up; those of `blocked` take 8. A table that is multiplied with as well takes `bits`. */
  readonly embeddingBits?: BlockFormat['bits'];
  readonly exclude?: ReadonlySet<string>;
  /** Takes rows of large activations first in GPTQ. */
  readonly actOrder?: boolean;
  /** A weight that loses more than this share of its layer's output (or of itself) takes 8 bits instead. */
  readonly largestError?: number;
  /** Whether errors of rounding count by the inputs that they meet, where those are known; true when absent. */
  readonly weighed?: boolean;
  /** Gram matrices by node name; GPTQ and AWQ need them, others weigh errors by them. */
  readonly grams?: ReadonlyMap<string, InputGram>;
  /** Puts finished bytes where they wait for the writer; they stay in memory when absent. */
  readonly keep?: (data: Uint8Array) => Promise<Bytes>;
}

/** What happened to one weight. */
export interface QuantizedLayer {
  /** The nodes that use it. */
  readonly nodes: readonly string[];
  readonly weight: string;
  readonly k: number;
  readonly n: number;
  /** Bits of a code: those that were asked for, or 8 where they cost too much. */
  readonly bits: number;
  readonly algorithm: WeightAlgorithm;
  readonly error: LayerError;
}

export interface WeightOnlyOutcome extends QuantizeOutcome {
  readonly layers: readonly QuantizedLayer[];
}

/** Quantizes the weights of matrix products and tables; activations stay in float. */
export const quantizeWeightOnly = (
  read: RangeReader,
  options: WeightOnlyOptions,
): Pass<WeightOnlyOutcome> => ({
  name: 'quantize weight-only',
  requires: (model) => {
    const refused = refusal(model, 'weight-only', ['MatMul', 'Gemm', 'Gather']);
    if (refused !== undefined || options.form === 'nbits') return refused;
    const opset = standardOpset(model);
    const needed = blockedOpset(options.bits);
    return opset < needed
      ? `A DequantizeLinear of ${options.bits}-bit blocks needs operator set ${needed}, and this model uses ${opset}.`
      : undefined;
  },
  run: (model, task) => new WeightOnlyQuantizer(cloneModel(model), read, options).run(task),
});

class WeightOnlyQuantizer {
  private readonly emitter: Emitter;
  private readonly products: ProductEmitter;
  private readonly factors = new FactorCache();
  private readonly left: Left[] = [];
  private readonly layers: QuantizedLayer[] = [];
  private readonly taken = new Set<Node>();
  private readonly replaced = new Set<Node>();
  /** AWQ's factors by input value. */
  private readonly smoothed = new Map<string, Float32Array>();

  constructor(
    private readonly model: Model,
    private readonly read: RangeReader,
    private readonly options: WeightOnlyOptions,
  ) {
    this.emitter = new Emitter(model);
    this.products = new ProductEmitter(model, this.emitter, options.accuracyLevel);
  }

  async run(task: Task): Promise<WeightOnlyOutcome> {
    const { graph } = this.model;
    const { exclude, embeddings, block, bits } = this.options;
    const choice = { exclude, block, bits, embeddings };
    const { uses, left } = findWeights(graph, choice);
    this.left.push(...left);
    if (this.options.algorithm === 'awq') await this.smooth(uses, task);
    for (const [done, use] of uses.entries()) {
      await breathe(task);
      task.report({ stage: 'Quantizing weights', done, total: uses.length });
      await this.quantize(use, task);
    }
    if (this.layers.length === 0) throw unsupported(nothingTaken(this.left));
    const constants = constantTensors(graph);
    this.emitter.finish(this.replaced);
    this.removeUnused(constants);
    this.products.importDomain();
    markQuantized(this.model, `weight-only int${this.options.bits}`);
    return {
      model: this.model,
      modified: true,
      notes: bodyNotes(graph),
      quantizedNodes: [...this.taken].map(nameOf),
      left: this.left,
      layers: this.layers,
    };
  }

  /** Constants and transposes of constants that nothing reads any more. */
  private removeUnused(before: ReadonlyMap<string, unknown>): void {
    const { graph } = this.model;
    let index = indexGraph(graph);
    graph.nodes = graph.nodes.filter(
      (node) =>
        !isOp(node, 'Transpose') ||
        !before.has(node.inputs[0] ?? '') ||
        node.outputs.some((output) => index.consumers.has(output) || index.graphOutputs.has(output)),
    );
    index = indexGraph(graph);
    graph.initializers = graph.initializers.filter(
      ({ name }) => !before.has(name) || index.consumers.has(name) || index.graphOutputs.has(name),
    );
  }

  private async quantize(use: WeightUse, task: Task): Promise<void> {
    const { matrix, products, lookups } = use;
    const { options } = this;
    const nodes = [...products, ...lookups];
    const gram = this.gramOf(products, matrix.k);
    const asked = options.algorithm;
    // Without knowledge of the inputs, GPTQ and AWQ are round to nearest with a search.
    const factor =
      asked === 'gptq' && gram
        ? await this.factors.of(gram, { actOrder: options.actOrder === true }, task)
        : undefined;
    const algorithm = (asked === 'gptq' && !factor) || (asked === 'awq' && !gram) ? 'rtn' : asked;
    const attempt = async (bits: BlockFormat['bits']) => {
      // ONNX Runtime computes with fractional zero points of narrow codes only.
      const fractions = algorithm === 'hqq' && options.form === 'nbits' && bits < 8 && lookups.length === 0;
      const format: BlockFormat = { bits, block: options.block, symmetric: options.symmetric };
      const fitter = this.fitter(algorithm, format, fractions, matrix.tensor.dataType);
      const sink =
        options.form === 'nbits'
          ? new PackedSink(matrix.k, matrix.n, format, fractions)
          : new BlockedSink(matrix.k, matrix.n, format, matrix.transposed);
      const factors = this.smoothed.get(products[0]?.inputs[0] ?? '');
      const error = gram
        ? await quantizeWithGram(
            this.read,
            matrix,
            algorithm,
            format,
            fitter,
            { gram, factors, factor },
            sink,
            task,
          )
        : await quantizeStreaming(this.read, matrix, format, fitter, sink, task);
      return { bits, sink, error };
    };
    let made = await attempt(this.bitsFor(use));
    if (made.error && made.bits < 8 && made.error.relative > (options.largestError ?? Infinity))
      made = await attempt(8);
    const { bits, sink, error } = made;
    if (!error) {
      for (const node of nodes)
        this.left.push({ node: nameOf(node), op: node.opType, why: 'Its weight holds NaN or infinity.' });
      return;
    }
    const { tensor, k, n } = matrix;
    const replaced = await this.products.emit(use, sink, options.keep);
    for (const node of replaced) this.replaced.add(node);
    for (const node of nodes) this.taken.add(node);
    this.layers.push({ nodes: nodes.map(nameOf), weight: tensor.name, k, n, bits, algorithm, error });
  }

  /**
   * A lookup costs the same in 8 bits as in 4, and in 4 its error alone is larger than that of all products together: tables
   * that nothing multiplies with take 8 unless told otherwise.
   */
  private bitsFor({ products, lookups }: WeightUse): BlockFormat['bits'] {
    const { form, bits, embeddingBits = 8 } = this.options;
    if (lookups.length === 0) return bits;
    // Rows can be looked up portably only where each code is a byte.
    if (form === 'blocked') return 8;
    return products.length > 0 ? bits : embeddingBits;
  }

  private gramOf(products: readonly Node[], k: number): InputGram | undefined {
    const grams = products.map((node) => this.options.grams?.get(nameOf(node)));
    const known = grams.filter((gram) => gram?.k === k) as InputGram[];
    return sumOfGrams(known);
  }

  /** The fitter, with scales that the weight's type can hold. */
  private fitter(
    algorithm: WeightAlgorithm,
    format: BlockFormat,
    fractions: boolean,
    dataType: DataType,
  ): BlockFitter {
    const found = fitterOf(algorithm, format, fractions);
    const fitter: BlockFitter =
      this.options.weighed === false ? (w, _h, count, fit) => found(w, undefined, count, fit) : found;
    if (dataType !== DataType.FLOAT16) return fitter;
    return (w, h, count, fit) => {
      fitter(w, h, count, fit);
      // Half of the smallest half float would become zero.
      const half = halfToFloat(floatToHalf(fit.scale));
      fit.scale = half === 0 || !Number.isFinite(half) ? Math.sign(fit.scale) * 2 ** -14 : half;
    };
  }

  /** AWQ: one set of factors for all weights that read the same input, where every one of them is ours alone. */
  private async smooth(uses: readonly WeightUse[], task: Task): Promise<void> {
    const { options } = this;
    const format: BlockFormat = { bits: options.bits, block: options.block, symmetric: options.symmetric };
    const fitter = this.fitter('awq', format, false, DataType.FLOAT);
    const byInput = new Map<string, { use: WeightUse; node: Node }[]>();
    for (const use of uses) {
      const [node, ...others] = use.products;
      // A weight with several users has several inputs, and a table is looked up as it is.
      if (!node || others.length > 0 || use.lookups.length > 0) continue;
      const input = node.inputs[0] ?? '';
      byInput.set(input, [...(byInput.get(input) ?? []), { use, node }]);
    }
    let done = 0;
    for (const [input, members] of byInput) {
      task.report({ stage: 'Scaling weights by their inputs', done, total: byInput.size });
      done += 1;
      const gram = this.options.grams?.get(nameOf(members[0]!.node));
      if (!gram || members.some(({ use }) => use.matrix.k !== gram.k)) continue;
      const columns = [];
      for (const { use } of members) {
        const { k, n } = use.matrix;
        columns.push(someColumns(await wholeMatrix(this.read, use.matrix, undefined, task), k, n));
      }
      const factors = await awqFactors(columns, gram, format, fitter, task);
      if (!factors) continue;
      this.smoothed.set(input, factors);
      const nodes = members.map(({ node }) => node);
      await this.products.divideInput(input, nodes, factors, this.read);
    }
  }
}
