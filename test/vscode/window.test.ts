// The main job in the workbench of code-server, with the packed VSIX installed into an empty VS Code.

import { packedVsix } from '../support/packedVsix';
import { VscodeWindow } from '../support/vscodeWindow';
import { mainJob } from './mainJob';
import { textAndCompare } from './textAndCompare';

mainJob((options) => VscodeWindow.open({ ...options, vsix: packedVsix() }));

textAndCompare((options) => VscodeWindow.open({ ...options, vsix: packedVsix() }));
