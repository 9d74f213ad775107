// The main job in the workbench of code-server, with the packed VSIX installed into an empty VS Code.

import { packedVsix } from '../support/packedVsix';
import { VscodeWindow } from '../support/vscodeWindow';
import { mainJob } from './mainJob';

mainJob((options) => VscodeWindow.open({ ...options, vsix: packedVsix() }));
