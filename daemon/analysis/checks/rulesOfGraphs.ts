// Rules of graphs, operators, functions and shapes: what the specification wants.

import type { Rule } from './rules';

const broken = { family: 'validity', severity: 'error' } as const;
const doubtful = { family: 'validity', severity: 'warning' } as const;
const exporter = 'Export the model again, or mend it in the program that made it.';

export const graphRules = {
  'graph/empty': {
    ...broken,
    title: 'The graph is empty',
    why: 'There is nothing to run.',
    fix: exporter,
  },
  'graph/no-output': {
    ...broken,
    title: 'The graph has no output',
    why: 'Nothing that it computes can be read.',
    fix: 'Name an output when you export the model.',
  },
  'graph/no-producer': {
    ...broken,
    title: 'A value is read that nothing produces',
    why: 'The model cannot run. A node that was removed without its readers is the usual reason.',
    fix: 'Connect the reader to the value that took its place, or make the value an input.',
  },
  'graph/duplicate-input': {
    ...broken,
    title: 'Two inputs have one name',
    why: 'A caller cannot give both.',
    fix: exporter,
  },
  'graph/duplicate-initializer': {
    ...broken,
    title: 'Two initializers have one name',
    why: 'Which of the two counts depends on the runtime.',
    fix: exporter,
  },
  'graph/duplicate-value': {
    ...broken,
    title: 'A value is written twice',
    why: 'ONNX graphs are in single-assignment form; which of the two counts depends on the runtime.',
    fix: 'Give one of the two another name, with those who read it.',
  },
  'graph/duplicate-node-name': {
    family: 'validity',
    severity: 'info',
    title: 'Node names are used more than once',
    why: 'Profiles, reports and lists of excluded nodes cannot tell such nodes apart.',
    fix: 'Give nodes names of their own, or none.',
  },
  'graph/cycle': {
    ...broken,
    title: 'Nodes wait for each other in a circle',
    why: 'No order exists in which they could run.',
    fix: exporter,
  },
  'graph/order': {
    ...doubtful,
    title: 'Nodes are not in running order',
    why: 'The specification wants a node after all that it reads; some runtimes refuse the model.',
    fix: '`slipway optimize` writes them in order.',
  },
  'graph/initializer-shape': {
    ...broken,
    title: 'The shape of an initializer is impossible, or not what its input states',
    why: 'Runtimes refuse the model, or take one of the two.',
    fix: exporter,
  },
  'graph/negative-dimension': {
    ...broken,
    title: 'An input or output is stated with a negative dimension',
    why: 'Some exporters write −1 for a free dimension; the format wants a name or nothing.',
    fix: 'Give the dimension a name, such as `batch`.',
  },
  'graph/scope-name': {
    family: 'safety',
    severity: 'info',
    title: 'Names look like paths that lead elsewhere',
    why: 'Slipway never makes file names of them; tools that write one file for each tensor or scope may.',
    fix: 'Rename them in the program that exports the model, if you use such tools.',
  },
  'opset/missing': {
    ...broken,
    title: 'An operator set is used and not imported',
    why: 'A runtime cannot know which version of the operator is meant.',
    fix: 'Add the import, at the version that the exporter wrote for.',
  },
  'opset/twice': {
    ...broken,
    title: 'An operator set is imported at two versions',
    why: 'Only one can hold.',
    fix: exporter,
  },
  'opset/version': {
    ...broken,
    title: 'An operator set is imported at a version that does not exist',
    why: 'Versions begin at 1.',
    fix: exporter,
  },
  'opset/newer': {
    family: 'portability',
    severity: 'info',
    title: 'An operator set is newer than Slipway knows',
    why: 'Its operators are checked less, and released runtimes may not have them yet.',
    fix: 'Export for an older operator set where the target refuses the model.',
  },
  'operator/unknown': {
    ...broken,
    title: 'There is no such operator',
    why: 'No runtime has it, unless as a custom operator of the standard domain, which is not allowed.',
    fix: 'Mind the spelling, and put custom operators into a domain of their own.',
  },
  'operator/unknown-domain': {
    family: 'portability',
    severity: 'warning',
    title: 'An operator of a domain that the model does not import',
    why: 'The specification wants the import; runtimes refuse the model, even with a library that brings the operator. ONNX Runtime takes its own without.',
    fix: 'Import the domain, or define the operator as a function of the model.',
  },
  'operator/not-in-opset': {
    ...broken,
    title: 'The operator came with a later operator set',
    why: 'Runtimes look it up at the version that the model imports, and do not find it.',
    fix: 'Raise the imported operator set, or export again for the newer one.',
  },
  'operator/retired': {
    family: 'portability',
    severity: 'warning',
    title: 'The operator was retired',
    why: 'Newer runtimes need not have it.',
    fix: 'Export again: exporters write what took its place.',
  },
  'operator/experimental': {
    family: 'portability',
    severity: 'warning',
    title: 'An experimental operator that ONNX removed',
    why: 'Few runtimes still have it.',
    fix: 'Export the model again with a newer exporter.',
  },
  'operator/inputs': {
    ...broken,
    title: 'An operator has too many or too few inputs',
    why: 'Runtimes refuse the model.',
    fix: 'See the operator in the specification at the version that the model imports.',
  },
  'operator/outputs': {
    ...broken,
    title: 'An operator has too many or too few outputs',
    why: 'Runtimes refuse the model.',
    fix: 'See the operator in the specification at the version that the model imports.',
  },
  'operator/unknown-attribute': {
    ...broken,
    title: 'An operator has an attribute that it does not know',
    why: 'Runtimes refuse the model. An attribute of another version of the operator is the usual reason.',
    fix: 'Import the operator set that the exporter wrote for, or remove the attribute.',
  },
  'operator/attribute-type': {
    ...broken,
    title: 'An attribute is of another type than the operator wants',
    why: 'Runtimes refuse the model.',
    fix: 'Write the attribute with the type that the message gives.',
  },
  'operator/missing-attribute': {
    ...broken,
    title: 'An operator lacks an attribute that it needs',
    why: 'It has no default, so the operator means nothing without it.',
    fix: 'Write the attribute.',
  },
  'operator/type': {
    ...broken,
    title: 'Types of inputs do not fit the operator or each other',
    why: 'ONNX converts nothing by itself, so runtimes refuse the model.',
    fix: 'Put a Cast before the input, or correct the type that the model states.',
  },
  'function/twice': {
    ...broken,
    title: 'A function is defined twice',
    why: 'Which of the two counts depends on the runtime.',
    fix: exporter,
  },
  'function/recursion': {
    ...broken,
    title: 'Functions call themselves or each other in a circle',
    why: 'ONNX functions may not be recursive: a runtime inlines them and would never end.',
    fix: 'Express the repetition as a Loop.',
  },
  'shape/contradicts': {
    ...doubtful,
    title: 'A stated shape or type contradicts what the operator gives',
    why: 'Runtimes warn, or lay out memory wrongly. Slipway goes on with what the operator gives.',
    fix: 'Remove the stated shapes (`slipway optimize` does) or correct them.',
  },
  'shape/mismatch': {
    ...doubtful,
    title: 'Shapes of inputs do not fit together',
    why: 'The operator fails as soon as it runs.',
    fix: 'See where the shapes come from: the picture shows them on every edge.',
  },
  'shape/failed': {
    family: 'validity',
    severity: 'info',
    title: 'A shape could not be worked out',
    why: 'The node is malformed in a way that the shape rule did not foresee. What comes after it has no shape.',
    fix: 'See what else is said of this node.',
  },
} as const satisfies Readonly<Record<string, Rule>>;
