// The panels of jobs in the workbench of code-server, with the packed VSIX.

import { packedVsix } from '../support/packedVsix';
import { VscodeWindow } from '../support/vscodeWindow';
import { panels } from './panels';

panels((options) => VscodeWindow.open({ ...options, vsix: packedVsix() }));
