// The main job in the desktop build that @vscode/test-electron downloads (npm run test:desktop).

import { downloadAndUnzipVSCode, resolveCliPathFromVSCodeExecutablePath } from '@vscode/test-electron';
import { packedVsix } from '../support/packedVsix';
import { VscodeWindow } from '../support/vscodeWindow';
import { mainJob } from './mainJob';

mainJob(async (options) => {
  const executable = await downloadAndUnzipVSCode('stable').catch((error: unknown) => {
    throw new Error('VS Code could not be downloaded. Here, run npm run test:vscode instead.', {
      cause: error,
    });
  });
  const cli = resolveCliPathFromVSCodeExecutablePath(executable);
  return VscodeWindow.openDesktop(executable, cli, { ...options, vsix: packedVsix() });
});
