// Python with its `websockets` package, for the client that is not ours.

import { pythonWith } from './pythonEnvironment';

/** Path of a Python that has `websockets`, or a line that says what is missing. */
export const pythonWithWebSockets = () => pythonWith('second-client', ['websockets==15.0.1']);
