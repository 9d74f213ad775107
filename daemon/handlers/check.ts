// Checks a model and puts what was found into the list of problems.

import { unknownRules } from '../analysis/checks/severity';
import { Check } from '../protocol/check';
import { handler } from './handler';

export const check = handler(
  Check,
  async ({ uri, revision, rules, weights }, task, { workspace, client }) => {
    const opened = await workspace.models.get(uri, revision, task);
    const { checkAll } = await import('../recipes/check');
    const shapes = await opened.shapes(task);
    const diagnostics = await checkAll(opened.read, { rules, weights, shapes }, task);
    client.publishDiagnostics(uri, diagnostics);
    return { diagnostics, unknownRules: unknownRules(rules ?? {}) };
  },
);
