// ONNX Runtime for tests: hands jobs to worker processes and replaces those that crash or hang.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { DataType } from '../../daemon/ir/dataType';
import type { Tensor } from '../../daemon/ir/tensor';
import { readStrings, readTensorValues, valuesOf } from '../../daemon/onnx/tensorData';
import type { TensorValues } from '../../daemon/onnx/tensorData';
import { repository } from './paths';

/** A value on its way to or from ONNX Runtime. */
export interface OrtFeed {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TensorValues | string[];
}

export interface OrtOutput {
  readonly dataType: number;
  readonly dims: readonly number[];
  readonly data: TensorValues | string[];
}

export type OrtResult = { readonly outputs: OrtOutput[] } | { readonly error: string };

const ortTypes = new Map<number, string>([
  [DataType.FLOAT, 'float32'],
  [DataType.DOUBLE, 'float64'],
  [DataType.FLOAT16, 'float16'],
  [DataType.INT8, 'int8'],
  [DataType.UINT8, 'uint8'],
  [DataType.INT16, 'int16'],
  [DataType.UINT16, 'uint16'],
  [DataType.INT32, 'int32'],
  [DataType.UINT32, 'uint32'],
  [DataType.INT64, 'int64'],
  [DataType.UINT64, 'uint64'],
  [DataType.BOOL, 'bool'],
  [DataType.STRING, 'string'],
]);

const dataTypes = new Map([...ortTypes].map(([type, name]) => [name, type]));

/** A tensor as a feed, or undefined when the Node binding does not take its type. */
export async function feedOf(name: string, tensor: Tensor): Promise<OrtFeed | undefined> {
  const type = ortTypes.get(tensor.dataType);
  if (type === undefined) return undefined;
  const data = type === 'string' ? await readStrings(tensor) : await readTensorValues(tensor);
  return { name, type, dims: tensor.dims, data };
}

type Reply = { outputs: { type: string; dims: number[]; data: Uint8Array | string[] }[] } | { error: string };

/** One worker process; jobs are given one after the other. */
export class OrtWorker {
  private child: ChildProcess | undefined;

  /** Runs a model once. A crash or a hang of the process is an error like any other. */
  async run(path: string, feeds: readonly OrtFeed[], limitMs = 120_000): Promise<OrtResult> {
    const child = (this.child ??= this.start());
    const reply = await new Promise<Reply>((resolve) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
      }, limitMs);
      const finish = (result: Reply) => {
        clearTimeout(timer);
        child.off('message', finish);
        child.off('exit', died);
        resolve(result);
      };
      const died = () => {
        this.child = undefined;
        finish({ error: 'the process died' });
      };
      child.once('message', finish as (message: unknown) => void);
      child.once('exit', died);
      child.send({ path, feeds });
    });
    if ('error' in reply) return reply;
    const outputs = reply.outputs.map(({ type, dims, data }) => {
      const dataType = dataTypes.get(type) ?? 0;
      return { dataType, dims, data: Array.isArray(data) ? data : valuesOf(dataType, data, 0) };
    });
    return { outputs };
  }

  private start(): ChildProcess {
    return fork(join(repository, 'test/support/ortWorker.mjs'), {
      cwd: repository,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
  }

  close(): void {
    this.child?.kill('SIGKILL');
    this.child = undefined;
  }
}
