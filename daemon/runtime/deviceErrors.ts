// What to install when a device's libraries are missing, in a sentence. Pure text; which devices there are is
// found out in devices.ts.

import { SlipwayError } from '../base/errors';
import type { DeviceName } from './runner/session';

/** What people call a device. */
export const deviceTitles: Readonly<Record<DeviceName, string>> = {
  cpu: 'CPU',
  cuda: 'NVIDIA GPU with CUDA',
  tensorrt: 'NVIDIA GPU with TensorRT',
  webgpu: 'GPU with WebGPU',
  dml: 'GPU with DirectML',
  coreml: 'Apple Core ML',
  qnn: 'Qualcomm NPU with QNN',
  openvino: 'Intel devices with OpenVINO',
};

/** Name of the execution provider in ONNX Runtime's profiles. */
export const providerOf: Readonly<Record<DeviceName, string>> = {
  cpu: 'CPUExecutionProvider',
  cuda: 'CUDAExecutionProvider',
  tensorrt: 'TensorrtExecutionProvider',
  webgpu: 'WebGpuExecutionProvider',
  dml: 'DmlExecutionProvider',
  coreml: 'CoreMLExecutionProvider',
  qnn: 'QNNExecutionProvider',
  openvino: 'OpenVINOExecutionProvider',
};

const hints: Readonly<Record<DeviceName, string>> = {
  cpu: '',
  cuda:
    'Install an NVIDIA driver, CUDA 12 and cuDNN 9, and the CUDA libraries of ONNX Runtime: ' +
    '"npm install onnxruntime-node --onnxruntime-node-install=cuda12" puts them beside onnxruntime-node.',
  tensorrt:
    'Install an NVIDIA driver, CUDA 12, cuDNN 9 and TensorRT 10, and the CUDA libraries of ONNX Runtime: ' +
    '"npm install onnxruntime-node --onnxruntime-node-install=cuda12" puts them beside onnxruntime-node.',
  webgpu:
    "Install the GPU's driver; on Linux also the Vulkan loader (libvulkan1) and the driver's Vulkan part (mesa-vulkan-drivers, or NVIDIA's own).",
  dml: 'DirectML needs Windows 10 1903 or newer and a GPU driver for DirectX 12.',
  coreml: 'Core ML needs macOS on Apple silicon.',
  qnn: "QNN needs Windows on Arm with a Snapdragon processor, and Qualcomm's driver.",
  openvino: 'This build of ONNX Runtime does not have OpenVINO.',
};

export const installHint = (device: DeviceName): string => hints[device];

/** The shared libraries that a text of native errors says could not be opened, by file name. */
export function missingLibraries(said: string): string[] {
  const found = said.matchAll(
    /([\w.+-]+\.(?:so(?:\.[\d.]+)?|dylib|dll))(?=: cannot open shared object file|["']? (?:was not found|could not be (?:found|loaded)|is missing))/gi,
  );
  return [...new Set([...found].map((match) => match[1]!))];
}

/**
 * The same error with the libraries named that the process said on its standard error could not be opened: ONNX Runtime's
 * own message often leaves them out.
 */
export function withMissingLibraries(error: unknown, device: DeviceName | undefined, said: string): unknown {
  if (!(error instanceof SlipwayError) || error.kind !== 'unsupported' || device === undefined) return error;
  const missing = missingLibraries(said).filter((name) => !error.message.includes(name));
  const hint = installHint(device);
  if (missing.length === 0 || hint === '' || !error.message.endsWith(hint)) return error;
  const names = missing.join(', ');
  const unnamed = 'its libraries are missing';
  const message = error.message.includes(unnamed)
    ? error.message.replace(unnamed, `its libraries (${names}) are missing`)
    : `${error.message.slice(0, -hint.length).replace(/\.\s*$/, '')}; missing: ${names}. ${hint}`;
  return new SlipwayError(error.kind, message, { data: error.data });
}

/**
 * The error when a device refused before the model was looked at: unknown to this build, libraries missing, or
 * no such hardware. Undefined when `said` (ONNX Runtime's message) is about something else.
 */
export function deviceError(device: DeviceName | undefined, said: string): SlipwayError | undefined {
  if (device === undefined || device === 'cpu') return undefined;
  const title = deviceTitles[device];
  if (/backend not found|no available backend|not enabled in this build/i.test(said)) {
    return new SlipwayError(
      'unsupported',
      `This build of ONNX Runtime has no ${title} (${device}) for ${process.platform}-${process.arch}. slipway devices lists what it has.`,
      { data: { said } },
    );
  }
  const missing = missingLibraries(said);
  if (/Failed to load (?:shared )?library/i.test(said) || missing.length > 0) {
    const which = missing.length > 0 ? ` (${missing.join(', ')})` : '';
    return new SlipwayError(
      'unsupported',
      `The device ${device} cannot be used: its libraries${which} are missing. ${installHint(device)}`,
      { data: { said } },
    );
  }
  if (
    /Failed to get a (?:WebGPU )?(?:adapter|device)|No supported adapters|no CUDA-capable device|CUDA driver version is insufficient|cudaErrorNoDevice|CUDA failure (?:35|100)/i.test(
      said,
    )
  ) {
    return new SlipwayError(
      'unsupported',
      `The device ${device} cannot be used: no such hardware, or no driver for it, was found. ${installHint(device)}`,
      { data: { said } },
    );
  }
  return undefined;
}
