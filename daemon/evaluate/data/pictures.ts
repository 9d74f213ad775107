// Pictures as an input: what shape the model takes, and a reader that has a worker thread make the batches.

import { Worker } from 'node:worker_threads';
import { badRequest, cancelled, SlipwayError, unsupported } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { scriptPath } from '../../host/scripts';
import { floatsToHalves } from '../../onnx/float16';
import type { SessionValue, TensorValue } from '../../runtime/runner/session';
import { tensorOf } from '../convert';
import { inputText } from './describe';
import type { PictureAnswer, PictureOrder } from './pictureMessages';
import type { PictureShape } from './pictureTensor';
import type { Recipe } from './preprocess';
import type { RowReader } from './rows';

export const pictureEndings: readonly string[] = ['.png', '.jpg', '.jpeg', '.webp'];

/** The shape of one picture from the input and the recipe. Throws `badRequest` when they leave it open or disagree. */
export function pictureShape(input: SessionValue, recipe: Recipe): PictureShape {
  const [, ...dims] = input.dims;
  if (dims.length !== 3)
    throw badRequest(
      `The ${inputText(input)} takes no pictures: expected batch × channels × height × width (NCHW) or batch × height × width × channels (NHWC).`,
    );
  const areChannels = (dim: number | string | null | undefined) => dim === 1 || dim === 3;
  const layout = recipe.layout ?? (areChannels(dims[0]) ? 'NCHW' : areChannels(dims[2]) ? 'NHWC' : undefined);
  if (layout === undefined)
    throw badRequest(
      `The ${inputText(input)} does not say where its channels are. State layout=NCHW or layout=NHWC.`,
    );
  const [c, h, w] = layout === 'NCHW' ? dims : [dims[2], dims[0], dims[1]];
  const asked = recipe.color === 'gray' ? 1 : recipe.color === undefined ? undefined : 3;
  const count = typeof c === 'number' ? c : (asked ?? 3);
  if ((count !== 1 && count !== 3) || (asked !== undefined && asked !== count))
    throw badRequest(
      `The ${inputText(input)} takes ${count} channel${count === 1 ? '' : 's'} in ${layout}${recipe.color ? `, and color=${recipe.color} gives ${asked ?? 3}` : '; pictures have 1 or 3'}. State layout and color to match.`,
    );
  const sides: readonly number[] = recipe.crop ?? (typeof recipe.resize === 'object' ? recipe.resize : []);
  const [rh, rw] = sides;
  const height = typeof h === 'number' ? h : rh;
  const width = typeof w === 'number' ? w : rw;
  if (height === undefined || width === undefined)
    throw badRequest(
      `The ${inputText(input)} leaves the size of pictures open. State crop=HEIGHTxWIDTH or resize=HEIGHTxWIDTH.`,
    );
  return { height, width, channels: count, layout };
}

interface Waiting {
  resolve(answer: PictureAnswer): void;
  reject(error: Error): void;
}

/** One worker thread; orders are worked off one at a time. */
class PictureThread {
  private readonly worker = new Worker(scriptPath('pictureWorker.js'));
  private waiting: Waiting | undefined;

  constructor() {
    this.worker.on('message', (answer: PictureAnswer) => this.settle((waiting) => waiting.resolve(answer)));
    this.worker.on('error', (error) => this.settle((waiting) => waiting.reject(error)));
    this.worker.on('exit', () => {
      const message = 'The thread that reads pictures ended. Try again with fewer or smaller pictures.';
      this.settle((waiting) => waiting.reject(new SlipwayError('runnerDied', message)));
    });
  }

  private settle(how: (waiting: Waiting) => void): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (waiting) how(waiting);
  }

  async ask(order: PictureOrder, task: Task): Promise<PictureAnswer> {
    const onAbort = () => {
      this.settle((waiting) => waiting.reject(cancelled()));
      void this.worker.terminate();
    };
    task.signal.addEventListener('abort', onAbort);
    try {
      return await new Promise((resolve, reject) => {
        this.waiting = { resolve, reject };
        this.worker.postMessage(order);
      });
    } finally {
      task.signal.removeEventListener('abort', onAbort);
    }
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}

/** Reads `files` in order as batches of the input. */
export function pictureReader(
  files: readonly string[],
  input: SessionValue,
  shape: PictureShape,
  recipe: Recipe,
  task: Task,
): RowReader {
  const thread = new PictureThread();
  let done = 0;
  return {
    async next(count) {
      throwIfCancelled(task);
      const some = files.slice(done, done + count);
      done += count;
      const answer = await thread.ask({ files: some, recipe, shape, pixels: input.type === 'uint8' }, task);
      if ('failed' in answer)
        throw badRequest(`${answer.failed} cannot be read as a picture: ${answer.why.replace(/\.$/, '')}.`);
      const { height, width, channels, layout } = shape;
      const rest = layout === 'NCHW' ? [channels, height, width] : [height, width, channels];
      return { feeds: { [input.name]: asInput(input, [count, ...rest], answer.data) } };
    },
    close: () => thread.end(),
  };
}

function asInput(input: SessionValue, dims: readonly number[], data: Float32Array | Uint8Array): TensorValue {
  if (data instanceof Uint8Array) return tensorOf('uint8', dims, data);
  if (input.type === 'float16') return tensorOf('float16', dims, floatsToHalves(data));
  if (input.type === 'float32') return tensorOf('float32', dims, data);
  throw unsupported(`The ${inputText(input)} takes no pictures: float32, float16 or uint8 is expected.`);
}
