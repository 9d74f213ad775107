// Where a node belongs in the program that the model was made from: "layers/0/attention". Taken from what
// exporters leave: metadata of the node, or the path in its name.

import type { Node } from '../../ir/model';

const longest = 400;

/** Path of the module around a node, parts separated by "/"; empty when nothing tells. */
export function nodeScope(node: Node): string {
  for (const { key, value } of node.metadataProps) {
    if (key === 'pkg.torch.onnx.name_scopes') {
      const scope = fromNameScopes(value);
      if (scope !== undefined) return scope.slice(0, longest);
    }
  }
  for (const { key, value } of node.metadataProps) {
    if (key === 'namespace') return fromNamespace(value).slice(0, longest);
  }
  return fromName(node.name).slice(0, longest);
}

/**
 * A list of growing module names as Python prints it, ['', 'layers.0', 'layers.0.attention', 'matmul']. The last
 * one is the operator; the one before it names the innermost module.
 */
function fromNameScopes(text: string): string | undefined {
  const parts = [...text.slice(0, 8192).matchAll(/'([^']*)'|"([^"]*)"/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
  if (parts.length === 0) return undefined;
  return (parts.at(-2) ?? '').split('.').filter(Boolean).join('/');
}

/** Parts such as "layers.0: Block" separated by "/", growing as above; the last one is the operator. */
function fromNamespace(text: string): string {
  const parts = text
    .slice(0, 8192)
    .split('/')
    .map((part) => part.split(': ')[0] ?? '');
  return (parts.at(-2) ?? '').split('.').filter(Boolean).join('/');
}

/** "/layers.0/attention/MatMul" belongs to "layers.0/attention". */
function fromName(name: string): string {
  const end = name.lastIndexOf('/');
  if (end <= 0) return '';
  return name.slice(name.startsWith('/') ? 1 : 0, end);
}
