// A GPU made of software, for tests of what runs elsewhere than on the CPU: browsers of the Chromium family bring
// SwiftShader, a Vulkan driver that needs no hardware.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folders = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/opt/microsoft/msedge',
];

/** Makes processes that are started from now on find it; false where there is none. */
export function useSoftwareGpu(): boolean {
  if (process.platform !== 'linux') return false;
  const folder = folders.find((one) =>
    ['libvulkan.so.1', 'vk_swiftshader_icd.json', 'libvk_swiftshader.so'].every((name) =>
      existsSync(join(one, name)),
    ),
  );
  if (folder === undefined) return false;
  process.env['VK_ICD_FILENAMES'] = join(folder, 'vk_swiftshader_icd.json');
  process.env['LD_LIBRARY_PATH'] = [folder, process.env['LD_LIBRARY_PATH'] ?? ''].filter(Boolean).join(':');
  return true;
}
