// Turns what ONNX Runtime says into a sentence that names the model and what to do. Pure text.

import { basename } from 'node:path';
import { SlipwayError } from '../../base/errors';

/** The error for a model that could not be loaded. `said` is ONNX Runtime's own message. */
export function loadError(modelPath: string, said: string, version: string): SlipwayError {
  const name = basename(modelPath);
  const text = tidy(said, modelPath);
  const failed = (sentence: string) => new SlipwayError('runnerFailed', sentence, { data: { said } });

  const unknown =
    /Fatal error: (?<domain>[^\s:]*):(?<op>[^\s(]+)\(.*?\) is not a registered function\/op/.exec(said) ??
    /No Op registered for (?<op>\S+) with domain_version of (?<opset>\d+)/.exec(said) ??
    /No opset import for domain '?(?<domain>[^'\s]*)'?/.exec(said);
  if (unknown?.groups) {
    const { op, domain, opset } = unknown.groups;
    const domainText = domain === undefined || domain === '' ? 'ai.onnx' : domain;
    if (op === undefined) {
      return failed(
        `The model ${name} uses operators of domain ${domainText} but does not import that domain.`,
      );
    }
    const at = opset === undefined ? '' : ` (opset ${opset})`;
    return failed(
      `The model ${name} uses operator ${op} of domain ${domainText}${at}, which this ONNX Runtime build ` +
        `(${version}) does not have. Export the model without it, or with operators of the standard domain.`,
    );
  }
  const kernel =
    /Could not find an implementation for (?<op>\S+?)\((?<opset>\d+)\) node with name '(?<node>[^']*)'/.exec(
      said,
    );
  if (kernel?.groups) {
    return failed(
      `ONNX Runtime ${version} has no CPU implementation of operator ${kernel.groups['op'] ?? ''} (opset ` +
        `${kernel.groups['opset'] ?? ''}) for the types at node "${kernel.groups['node'] ?? ''}" of ${name}.`,
    );
  }
  const ir = /Unsupported model IR version: (\d+), max supported IR version: (\d+)/.exec(said);
  if (ir) {
    return failed(
      `The model ${name} has ONNX IR version ${ir[1] ?? ''}; ONNX Runtime ${version} reads up to ${ir[2] ?? ''}. Export it for an older version.`,
    );
  }
  const opset = /Opset (\d+) is under development.*?till opset (\d+)/s.exec(said);
  if (opset) {
    return failed(
      `The model ${name} uses opset ${opset[1] ?? ''}; ONNX Runtime ${version} supports up to ${opset[2] ?? ''}. Export it for an older opset.`,
    );
  }
  if (/File doesn't exist/.test(said) && said.includes(modelPath)) {
    return new SlipwayError('notFound', `Cannot load ${modelPath}: it does not exist. Check the path.`);
  }
  if (/is a directory/.test(said))
    return failed(`Cannot load ${modelPath}: it is a folder. Name a model file.`);
  if (/Protobuf parsing failed/.test(said)) {
    return failed(
      `Cannot load ${name}: it is not an ONNX model, or it is damaged. Inspect the file for the place, or export it again.`,
    );
  }
  if (/external data|external initializer|external_data/i.test(said)) {
    return failed(`Cannot load ${name}: its external data could not be read. ONNX Runtime says: ${text}`);
  }
  return failed(`ONNX Runtime ${version} refuses the model ${name}: ${text}`);
}

/** The error for a run that failed although names, types and known dimensions of the inputs were right. */
export function runError(modelPath: string, said: string): SlipwayError {
  const node =
    /Non-zero status code returned while running (?<op>\S+) node\. Name:'(?<node>[^']*)' Status Message: (?<why>.*)/s.exec(
      said,
    );
  const where = node?.groups
    ? `at node "${node.groups['node'] ?? ''}" (${node.groups['op'] ?? ''}): ${tidy(node.groups['why'] ?? '', modelPath)}`
    : `: ${tidy(said, modelPath)}`;
  const memory = /bad_alloc|Failed to allocate memory|out of memory|OUT_OF_MEMORY/i.test(said)
    ? ' Memory ran out: use a smaller batch, or a machine with more memory.'
    : '';
  return new SlipwayError(
    'runnerFailed',
    `Running ${basename(modelPath)} failed${node?.groups ? ' ' : ''}${where}${memory}`,
    { data: { said } },
  );
}

/** Without the source places and repetitions that ONNX Runtime puts around its sentences; one line, at most 600 characters. */
function tidy(said: string, modelPath: string): string {
  const text = said
    .replaceAll(`Load model from ${modelPath} failed:`, '')
    .replace(/(?:\/|[A-Z]:\\)[^\s:]*onnxruntime[^\s]*?\.(?:cc|h):\d+ (?:.*?\) )?/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  const short = text.length > 600 ? `${text.slice(0, 600)}…` : text;
  return /[.!?\u2026]$/.test(short) ? short : `${short}.`;
}
