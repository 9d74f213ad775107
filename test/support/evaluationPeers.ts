// The Python packages that evaluation is held against, of fixed versions.

import { pythonWith } from './pythonEnvironment';

/** Path of a Python with peers for metrics, or a line that says what is missing. */
export const metricPeers = () => pythonWith('metric-peers', ['scikit-learn==1.9.1', 'pycocotools==2.0.11']);

/** The same with peers for reading data: pictures and text. */
export const dataPeers = () =>
  pythonWith('data-peers', ['pillow==13.0.0', 'numpy==2.4.6', 'tokenizers==0.23.3']);
