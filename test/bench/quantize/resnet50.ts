// A ResNet-50 for 224 × 224 pictures with seeded random weights: 25.5 million of them, 102 MB, the size of what people
// quantize. Its answers mean nothing, but its shapes, its time and the memory it takes are those of a trained one.

import { join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Node } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { f4, writeNpz } from '../../support/npzWriter';

/** Blocks, channels inside a block, and stride of the first block of each stage. */
const stages = [
  [3, 64, 1],
  [4, 128, 2],
  [6, 256, 2],
  [3, 512, 2],
] as const;
const classes = 1000;
const size = 224;

/** Writes resnet50.onnx and resnet50_calibration.npz (`samples` pictures) into `folder`. */
export async function writeResnet50(folder: string, samples: number): Promise<void> {
  const builder = new Builder();
  let value = builder.relu(builder.conv('image', 3, 64, 7, 2));
  builder.nodes.push(
    node('MaxPool', [value], ['pool'], {
      name: 'pool',
      attributes: { kernel_shape: [3n, 3n], strides: [2n, 2n], pads: [1n, 1n, 1n, 1n] },
    }),
  );
  value = 'pool';
  let channels = 64;
  for (const [blocks, width, firstStride] of stages)
    for (let block = 0; block < blocks; block += 1) {
      const stride = block === 0 ? firstStride : 1;
      const narrow = builder.relu(builder.conv(value, channels, width, 1, 1));
      const middle = builder.relu(builder.conv(narrow, width, width, 3, stride));
      const wide = builder.conv(middle, width, width * 4, 1, 1, 0.3);
      const beside = block === 0 ? builder.conv(value, channels, width * 4, 1, stride) : value;
      value = builder.relu(builder.add(wide, beside));
      channels = width * 4;
    }
  builder.nodes.push(
    node('GlobalAveragePool', [value], ['mean'], { name: 'mean' }),
    node('Reshape', ['mean', 'flat_shape'], ['flat'], { name: 'flat' }),
    node('Gemm', ['flat', 'fc_weight', 'fc_bias'], ['logits'], { name: 'fc', attributes: { transB: 1n } }),
  );
  builder.initializers.push(
    int64Tensor('flat_shape', [2], [0n, -1n]),
    floatTensor('fc_weight', [classes, channels], builder.values(classes * channels, channels)),
    floatTensor('fc_bias', [classes], builder.values(classes, channels)),
  );
  const made = model(
    graph({
      nodes: builder.nodes,
      initializers: builder.initializers,
      inputs: [valueInfo('image', DataType.FLOAT, ['batch', 3, size, size])],
      outputs: [valueInfo('logits', DataType.FLOAT, ['batch', classes])],
    }),
    { opset: 17 },
  );
  await writeModel(made, join(folder, 'resnet50.onnx'), {}, silentTask);
  const pictures = builder.values(samples * 3 * size * size, 2);
  writeNpz(join(folder, 'resnet50_calibration.npz'), { image: f4([samples, 3, size, size], pictures) }, 0);
}

class Builder {
  readonly nodes: Node[] = [];
  readonly initializers: Tensor[] = [];
  private state = 1;

  private random(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 32 - 0.5;
  }

  /** Values whose sums over `fanIn` keep the power of what they weigh, behind a Relu. */
  values(count: number, fanIn: number, gain = 1): Float32Array {
    const scale = gain * Math.sqrt(24 / fanIn);
    return Float32Array.from({ length: count }, () => scale * this.random());
  }

  conv(input: string, from: number, to: number, kernel: number, stride: number, gain = 1): string {
    const name = `conv${this.nodes.length}`;
    const fanIn = from * kernel * kernel;
    this.initializers.push(
      floatTensor(`${name}_weight`, [to, from, kernel, kernel], this.values(to * fanIn, fanIn, gain)),
      floatTensor(`${name}_bias`, [to], this.values(to, 1000)),
    );
    const pad = BigInt((kernel - 1) / 2);
    this.nodes.push(
      node('Conv', [input, `${name}_weight`, `${name}_bias`], [name], {
        name,
        attributes: {
          kernel_shape: [BigInt(kernel), BigInt(kernel)],
          strides: [BigInt(stride), BigInt(stride)],
          pads: [pad, pad, pad, pad],
        },
      }),
    );
    return name;
  }

  relu(input: string): string {
    const name = `relu${this.nodes.length}`;
    this.nodes.push(node('Relu', [input], [name], { name }));
    return name;
  }

  add(a: string, b: string): string {
    const name = `add${this.nodes.length}`;
    this.nodes.push(node('Add', [a, b], [name], { name }));
    return name;
  }
}
