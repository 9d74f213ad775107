// Everything that is tested in the workbench of code-server, with the packed VSIX installed into an empty VS Code.

import { packedVsix } from '../support/packedVsix';
import { VscodeWindow, type WindowOptions } from '../support/vscodeWindow';
import { mainJob } from './mainJob';
import { panels } from './panels';
import { textAndCompare } from './textAndCompare';

const open = (options: Omit<WindowOptions, 'vsix'>) => VscodeWindow.open({ ...options, vsix: packedVsix() });

panels(open);
mainJob(open);
textAndCompare(open);
