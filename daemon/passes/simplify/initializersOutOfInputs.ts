// Initializers that are also graph inputs become plain constants. Old exporters listed every weight as an
// input; a weight that a caller may replace at run time can be neither folded nor quantized.

import type { Diagnostic } from '../../base/diagnostic';
import { cloneModel } from '../../ir/clone';
import type { Pass } from '../pass';

/** From this IR version on, such an input is a default that callers may override on purpose. */
const overridableSince = 4;

export const initializersOutOfInputs: Pass = {
  name: 'initializers out of inputs',
  run(model) {
    const names = new Set(model.graph.initializers.map((tensor) => tensor.name));
    const both = model.graph.inputs.filter((input) => names.has(input.name));
    if (both.length === 0) return { model, modified: false };
    const copy = cloneModel(model);
    copy.graph.inputs = copy.graph.inputs.filter((input) => !names.has(input.name));
    const notes: Diagnostic[] = [];
    if (model.irVersion >= overridableSince) {
      const listed = both.slice(0, 3).map((input) => `"${input.name}"`);
      notes.push({
        id: 'simplify/fixed-default',
        severity: 'info',
        message: `${both.length} inputs had default values and are constants now: ${listed.join(', ')}${both.length > 3 ? ', …' : ''}.`,
      });
    }
    copy.irVersion = Math.max(copy.irVersion, overridableSince);
    return { model: copy, modified: true, notes };
  },
  ensures(model) {
    const inputs = new Set(model.graph.inputs.map((input) => input.name));
    const left = model.graph.initializers.find((tensor) => inputs.has(tensor.name));
    return left && `"${left.name}" is still both an initializer and an input.`;
  },
};
