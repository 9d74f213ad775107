// Models that want to hurt: cycles, very many edges, very long and lying names, weights that are no numbers, bodies in
// bodies.

import { floatTensor, graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import type { Graph, Model, Node } from '../../daemon/ir/model';

const value = (name: string) => valueInfo(name, DataType.FLOAT, [4]);

/** Each operator reads all before it: about half of `nodes` squared edges. */
export function denseModel(nodes: number): Model {
  const before = ['x'];
  const list: Node[] = [];
  for (let i = 0; i < nodes; i++) {
    list.push(node('Sum', [...before], [`v${i}`], { name: `sum_${i}` }));
    before.push(`v${i}`);
  }
  return model(graph({ nodes: list, inputs: [value('x')], outputs: [value(`v${nodes - 1}`)] }));
}

/** A ring with chords: every node is on a cycle. */
export function cyclicModel(nodes: number): Model {
  const ring = Array.from({ length: nodes }, (_, i) =>
    node('Add', [`v${(i + nodes - 1) % nodes}`, `v${(i + 17) % nodes}`], [`v${i}`], { name: `n${i}` }),
  );
  return model(graph({ nodes: ring, outputs: [value('v0')] }));
}

/** Names of 120 KB, 50 KB of which read as a scope, with markup, control characters and a directional override. */
export function longNamesModel(nodes: number): Model {
  const long = (i: number) => `${'a'.repeat(50_000)}/${'<b>\u0000\u202e'.repeat(10_000)}${i}`;
  const list = Array.from({ length: nodes }, (_, i) =>
    node('Relu', [i === 0 ? 'x' : long(i - 1)], [long(i)], { name: long(i) }),
  );
  return model(graph({ nodes: list, inputs: [value('x')], outputs: [value(long(nodes - 1))] }));
}

/** Every name and text is markup that would do something, or holds characters that are not seen. */
export function markupModel(): Model {
  const script = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>';
  const nodes = [
    node('Relu', ['x'], [`r${script}`], { name: `relu${script}` }),
    node(`Op${script}`, [`r${script}`], ['\u0007\u202ebell'], {
      name: '\u0000\u202e\u2066name',
      domain: `local${script}`,
      attributes: { [`a${script}`]: script },
    }),
    node('Relu', ['\u0007\u202ebell'], ['y'], { name: '${alert(1)}{{7*7}}' }),
  ];
  const built = model(graph({ nodes, inputs: [value('x')], outputs: [value('y')] }));
  built.docString = script;
  built.producerName = script;
  built.metadataProps.push({ key: script, value: script });
  built.graph.name = script;
  return built;
}

/** Weights of nothing but NaN, infinities among them. */
export function notNumbersModel(): Model {
  const numbers = [Number.NaN, Infinity, -Infinity, Number.NaN];
  return model(
    graph({
      nodes: [
        node('Mul', ['x', 'w'], ['m'], { name: 'mul' }),
        node('Clip', ['m', 'low', 'nan'], ['y'], { name: 'clip' }),
      ],
      inputs: [value('x')],
      outputs: [value('y')],
      initializers: [
        floatTensor('w', [4], numbers),
        floatTensor('low', [], [-Infinity]),
        floatTensor('nan', [], [Number.NaN]),
      ],
    }),
  );
}

/** An If in an If in an If, `depth` deep. */
export function nestedModel(depth: number): Model {
  let inner: Graph = graph({ nodes: [node('Relu', ['x'], ['y'])], outputs: [value('y')] });
  for (let at = 0; at < depth; at++) {
    const body = node('If', ['flag'], ['y'], { name: 'if', attributes: { then_branch: inner } });
    inner = graph({ nodes: [body], outputs: [value('y')] });
  }
  const inputs = [value('x'), valueInfo('flag', DataType.BOOL, [])];
  return model(graph({ nodes: inner.nodes, inputs, outputs: [value('y')] }));
}
