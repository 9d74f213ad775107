// The one table of shape rules: operator → rule. A family of operators is a file beside this one; adding an
// operator means adding a line to its family's table. Operators with bodies have their own table in control.ts.

import type { Rule, RuleTable } from './context';
import { contribRules } from './contrib';
import { contribAttentionRules } from './contribAttention';
import { convolutionRules } from './convolution';
import { elementwiseRules } from './elementwise';
import { generateRules } from './generate';
import { imageRules } from './image';
import { joiningRules } from './joining';
import { layoutRules } from './layout';
import { matmulRules } from './matmul';
import { mlRules } from './ml';
import { normalizationRules } from './normalization';
import { quantizeRules } from './quantize';
import { recurrentRules } from './recurrent';
import { reduceRules } from './reduce';
import { sequenceRules } from './sequence';
import { signalRules } from './signal';
import { slicingRules } from './slicing';
import { statefulRules } from './stateful';
import { trainingRules } from './training';

const families: readonly RuleTable[] = [
  contribRules,
  contribAttentionRules,
  convolutionRules,
  elementwiseRules,
  generateRules,
  imageRules,
  joiningRules,
  layoutRules,
  matmulRules,
  mlRules,
  normalizationRules,
  quantizeRules,
  recurrentRules,
  reduceRules,
  sequenceRules,
  signalRules,
  slicingRules,
  statefulRules,
  trainingRules,
];

/** Rules by operator: `Conv` for the standard domain, `com.microsoft.FusedConv` for others. */
export const rules: ReadonlyMap<string, Rule> = new Map(families.flatMap((family) => Object.entries(family)));
