// Rules that speak while the bytes of a file are read.

import type { Rule } from './rules';

const broken = {
  family: 'validity',
  severity: 'error',
} as const;
const exportAgain = 'Copy or export the file again; a transfer that broke off is the usual reason.';

export const readerRules = {
  'text/syntax': {
    ...broken,
    title: 'A text cannot be read',
    why: "What stands there is not ONNX's textual form. What is behind it is read where that is possible.",
    fix: 'Correct the text at the place that the message names.',
  },
  'text/value': {
    ...broken,
    title: 'A value in a text does not fit',
    why: 'Its type, its shape and what is written differ, or a field has another kind of value.',
    fix: 'Correct the value at the place that the message names.',
  },
  'text/too-long': {
    ...broken,
    title: 'A text is longer than 256 MiB',
    why: 'The textual form is for people; so long a text is not read.',
    fix: 'Keep the model in the binary form, or name weights by the file in which they lie.',
  },
  'onnx/empty': {
    ...broken,
    title: 'The file is empty',
    why: 'There is nothing to read.',
    fix: exportAgain,
  },
  'onnx/not-onnx': {
    ...broken,
    title: 'The file is no ONNX model',
    why: 'Its first bytes belong to another format, which the message names where it is known.',
    fix: 'Export the model to ONNX, or open the right file. Files of Git LFS must be fetched first: `git lfs pull`.',
  },
  'onnx/truncated': {
    ...broken,
    title: 'The file ends in the middle',
    why: 'A length in the file points past its end. What was read until there is shown.',
    fix: exportAgain,
  },
  'onnx/malformed': {
    ...broken,
    title: 'A part of the file cannot be decoded',
    why: 'The bytes are not those of the message that the format wants there.',
    fix: exportAgain,
  },
  'onnx/length': {
    ...broken,
    title: 'A length in the file cannot be',
    why: 'A part claims more bytes than the part around it has.',
    fix: exportAgain,
  },
  'onnx/wire-type': {
    ...broken,
    title: 'A field is encoded as another type',
    why: 'Protobuf readers skip such a field or fail.',
    fix: exportAgain,
  },
  'onnx/too-deep': {
    family: 'safety',
    severity: 'error',
    title: 'Graphs or types are nested too deep',
    why: 'No exporter writes this; readers that follow it run out of stack.',
    fix: 'Do not run a file from a source that you do not trust.',
  },
  'onnx/too-large': {
    family: 'safety',
    severity: 'error',
    title: 'A count or size is larger than any model needs',
    why: 'A reader that believes it runs out of memory.',
    fix: 'Do not run a file from a source that you do not trust.',
  },
  'onnx/no-graph': {
    ...broken,
    title: 'The file holds no graph',
    why: 'There is nothing to run.',
    fix: 'Export the model again, and see that it is the model and not a tensor or a data set.',
  },
  'onnx/not-utf8': {
    family: 'validity',
    severity: 'warning',
    title: 'A text is not valid UTF-8',
    why: 'Other tools show it differently or refuse the file.',
    fix: 'Rename it in the program that exports the model.',
  },
  'onnx/attribute-values': {
    ...broken,
    title: 'An attribute does not hold what its type says',
    why: 'Runtimes refuse such a node.',
    fix: 'Export the model again, or write the attribute anew.',
  },
  'onnx/dims': {
    ...broken,
    title: 'A tensor has impossible dimensions',
    why: 'Its values cannot be addressed.',
    fix: 'Export the model again.',
  },
  'onnx/payload-length': {
    ...broken,
    title: 'A tensor holds more or fewer bytes than its shape needs',
    why: 'Runtimes refuse it, or read what is not its own.',
    fix: 'Export the model again.',
  },
  'onnx/two-payloads': {
    family: 'validity',
    severity: 'warning',
    title: 'A tensor states its values twice',
    why: 'Which of the two counts depends on the reader.',
    fix: 'Export the model again.',
  },
  'onnx/unknown-fields': {
    family: 'portability',
    severity: 'info',
    title: 'The file holds fields that Slipway does not know',
    why: 'A newer format or a private extension wrote them. They are kept byte for byte when Slipway writes the model.',
    fix: 'Nothing, unless what they say matters to you.',
  },
  'onnx/external-location': {
    ...broken,
    title: 'External data is named by something that is no file name',
    why: 'The weights cannot be found.',
    fix: 'Save the model again with its external data.',
  },
  'onnx/external-outside': {
    family: 'safety',
    severity: 'error',
    title: 'External data lies outside the folder of the model',
    why: 'A model must not make a reader open files elsewhere on the machine. The data is not read.',
    fix: 'Put the data file beside the model and save the model again.',
  },
  'onnx/external-missing': {
    ...broken,
    title: 'A file of external data is missing',
    why: 'The weights in it cannot be read; everything else is shown.',
    fix: 'Copy the data file into the folder of the model, under the name that the message gives.',
  },
  'onnx/external-unreadable': {
    ...broken,
    title: 'A file of external data cannot be read',
    why: 'The weights in it cannot be read; everything else is shown.',
    fix: 'Check the permissions of the file.',
  },
  'onnx/external-not-a-file': {
    family: 'safety',
    severity: 'error',
    title: 'External data is a folder, a device or a link elsewhere',
    why: 'A model must not make a reader open devices or follow links.',
    fix: 'Put the data into an ordinary file beside the model.',
  },
  'onnx/external-range': {
    ...broken,
    title: 'Offset or length of external data is wrong',
    why: 'The range does not lie in the data file, so the weights cannot be read.',
    fix: 'The data file may belong to another version of the model: copy both again.',
  },
  'onnx/external-length': {
    ...broken,
    title: 'External data states another length than the shape needs',
    why: 'Runtimes refuse the tensor.',
    fix: 'The data file may belong to another version of the model: copy both again.',
  },
  'inspect/checks-left-out': {
    family: 'validity',
    severity: 'info',
    title: 'Checks were left out',
    why: 'The file could not be read whole: everything that is missing would be reported over and over.',
    fix: 'Mend what the other problems say first.',
  },
} as const satisfies Readonly<Record<string, Rule>>;
