// A model-local function made ready for one call: attributes that refer to the function's own are replaced by
// the call's values or the defaults. Bodies of If and Loop inside the function are treated alike.

import type { Attribute, FunctionDef, Graph, Node } from '../../ir/model';

/** The function's body with the call's attributes in place; the same object when nothing refers to them. */
export function instantiate(definition: FunctionDef, call: Node): FunctionDef {
  if (definition.attributes.length + definition.attributeDefaults.length === 0) return definition;
  const given = new Map<string, Attribute>();
  for (const attribute of definition.attributeDefaults) given.set(attribute.name, attribute);
  for (const attribute of call.attributes) given.set(attribute.name, attribute);
  return { ...definition, nodes: definition.nodes.map((node) => withAttributes(node, given)) };
}

function withAttributes(node: Node, given: ReadonlyMap<string, Attribute>): Node {
  const touched = node.attributes.some((each) => each.refAttrName !== undefined || each.type === 'GRAPH');
  if (!touched) return node;
  const attributes: Attribute[] = [];
  for (const attribute of node.attributes) {
    if (attribute.refAttrName !== undefined && attribute.refAttrName !== '') {
      // Without a value the attribute is absent, and the operator's own default holds.
      const value = given.get(attribute.refAttrName);
      if (value) attributes.push({ ...value, name: attribute.name });
    } else if (attribute.type === 'GRAPH') {
      attributes.push({ ...attribute, value: graphWithAttributes(attribute.value, given) });
    } else attributes.push(attribute);
  }
  return { ...node, attributes };
}

const graphWithAttributes = (graph: Graph, given: ReadonlyMap<string, Attribute>): Graph => ({
  ...graph,
  nodes: graph.nodes.map((node) => withAttributes(node, given)),
});
