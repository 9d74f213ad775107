// The menu of the top bar: everything that can be done with a model beyond the two buttons beside it, and in a narrow
// editor those as well.

import type { TemplateResult } from 'lit';
import type { EditorCommand } from '../../daemon/protocol/page';
import { menuButton } from './menu';

const items: readonly { label: string; command: EditorCommand; className?: string }[] = [
  { label: 'Compress and Benchmark', command: 'compress', className: 'when-tight' },
  { label: 'Deploy…', command: 'deploy', className: 'when-narrow' },
  { label: 'Compress by Hand…', command: 'compressByHand' },
  { label: 'Optimize…', command: 'optimize' },
  { label: 'Quantize…', command: 'quantize' },
  { label: 'Convert Precision…', command: 'precision' },
  { label: 'Prune…', command: 'prune' },
  { label: 'Share Weights…', command: 'cluster' },
  { label: 'Split Layers…', command: 'lowRank' },
  { label: 'Run Recipe…', command: 'recipe' },
  { label: 'Measure Sensitivity…', command: 'sensitivity' },
  { label: 'Benchmark…', command: 'benchmark' },
  { label: 'Profile…', command: 'profile' },
  { label: 'Evaluate…', command: 'evaluate' },
];

/** What ONNX Runtime's own .ort files can be used for: they are run, but not read. */
const measuring: readonly EditorCommand[] = ['benchmark', 'evaluate'];

export const jobMenu = (
  may: 'all' | 'measuring' | 'none',
  run: (command: EditorCommand) => void,
): TemplateResult =>
  menuButton(
    'More',
    items.map(({ command, ...item }) => ({
      ...item,
      disabled: may === 'none' || (may === 'measuring' && !measuring.includes(command)),
      run: () => run(command),
    })),
  );
