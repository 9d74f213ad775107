// The forms that quantize steps take in a static model: a step in the domain that has its type, a constant behind its
// DequantizeLinear, and a gate that only reads bytes anew. Which values get steps, and in what order, is static.ts.

import { floatTensor, type AttributeValue } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import { readsAsKey } from '../../ir/marks';
import type { Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { Emitter } from './emitter';
import type { IntegerGate } from './gates';
import { integerTensor } from './integerTensor';
import { nameOf } from './outcome';
import { uint8Range } from './params';

export class StepEmitter extends Emitter {
  /** `domain` is that of the steps: 16 bits came to the standard operators with opset 21. */
  constructor(
    model: Model,
    private readonly domain: string,
  ) {
    super(model);
    if (domain !== '' && !model.opsetImports.some((each) => each.domain === domain))
      model.opsetImports.push({ domain, version: 1 });
  }

  /** Adds a constant with its DequantizeLinear before `reader`; returns the name of the float value. */
  dequantizeConstant(
    reader: Node,
    base: string,
    form: {
      readonly scales: Float32Array;
      readonly axis: number | undefined;
      readonly type: DataType;
      readonly zero: number;
    },
    make: (name: string) => Tensor,
  ): string {
    const { scales, axis, type, zero: zeroPoint } = form;
    const dims = axis === undefined ? [] : [scales.length];
    const zeros = scales.map(() => zeroPoint);
    const quantized = this.constant(`${base}_quantized`, make);
    const scale = this.constant(`${base}_scale`, (name) => floatTensor(name, dims, scales));
    const zero = this.constant(`${base}_zero_point`, (name) => integerTensor(name, type, dims, zeros));
    const output = this.fresh(`${base}_dequantized`);
    const attributes: Record<string, bigint> = axis === undefined ? {} : { axis: BigInt(axis) };
    const names = { node: `${base}_DequantizeLinear`, output };
    this.putBefore(reader, this.step('DequantizeLinear', [quantized, scale, zero], names, attributes));
    return output;
  }

  /** A quantize step in the domain that has the type. */
  step(
    opType: 'QuantizeLinear' | 'DequantizeLinear',
    inputs: readonly string[],
    base: { readonly node: string; readonly output: string },
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Node {
    return { ...this.node(opType, inputs, base, attributes), domain: this.domain };
  }

  /** Replaces a gate by reading `given`, the bytes of its input, with another scale. */
  gate(node: Node, gate: IntegerGate, given: string): void {
    const [output = ''] = node.outputs;
    const base = nameOf(node);
    let bytes = given;
    const constant = (name: string, value: number) =>
      this.constant(`${output}_${name}`, (to) => integerTensor(to, DataType.UINT8, [], [value]));
    if (gate.low > 0 || gate.high < uint8Range.max - 1) {
      const clipped = this.fresh(`${output}_bytes`);
      const bounds = [constant('low', gate.low), constant('high', gate.high)];
      const names = { node: `${base}_Clip`, output: clipped };
      this.putAfter(node, this.node('Clip', [bytes, ...bounds], names));
      bytes = clipped;
    }
    const scale = this.constant(`${output}_scale`, (to) => floatTensor(to, [], [gate.output.scale]));
    const zero = constant('zero_point', gate.output.zeroPoint);
    const names = { node: `${base}_DequantizeLinear`, output };
    const read = this.node('DequantizeLinear', [bytes, scale, zero], names);
    // Checks take two scales around the same bytes for a mistake otherwise.
    const metadataProps = [{ key: readsAsKey, value: node.opType }];
    this.putAfter(node, { ...read, metadataProps });
  }
}
