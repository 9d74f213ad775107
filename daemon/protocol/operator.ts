// What an operator does and takes, at a version of its operator set.

import { Type, type Static } from 'typebox';
import { request } from './core';

const Parameter = Type.Object({
  name: Type.String({ description: 'Name in the specification.' }),
  takes: Type.Union([Type.Literal('one'), Type.Literal('optional'), Type.Literal('any')], {
    description: 'One value, one that may be left out, or any number of them.',
  }),
  variable: Type.String({
    description: 'Type variable: parameters of the same one have the same type; empty where there is none.',
  }),
  types: Type.Array(Type.String(), {
    description: 'Types that it may have; empty where they are not known.',
  }),
});

export const OperatorSchema = Type.Object(
  {
    name: Type.String({ description: 'Operator type.' }),
    domain: Type.String({ description: 'Its domain; empty for the standard one.' }),
    words: Type.String({ description: 'What it does, in a sentence or two; may be empty.' }),
    signature: Type.String({
      description: '`Conv(X, W, B?) → Y`: `?` may be left out, `…` any number; empty where it is not known.',
    }),
    since: Type.Optional(
      Type.Integer({ description: 'Version of the operator set since which this form holds.' }),
    ),
    changed: Type.Optional(Type.Integer({ description: 'The next version that changed the operator.' })),
    inputs: Type.Array(Parameter, { description: 'Inputs in order.' }),
    outputs: Type.Array(Parameter, { description: 'Outputs in order.' }),
    attributes: Type.Array(
      Type.Object({
        name: Type.String({ description: 'Attribute name.' }),
        type: Type.String({ description: '`int`, `floats`, `graph`.' }),
        required: Type.Boolean({ description: 'Whether it must be given.' }),
        default: Type.Optional(Type.String({ description: 'Value when absent.' })),
      }),
      { description: 'Attributes by name.' },
    ),
    link: Type.Optional(Type.String({ description: 'Address of the official page.' })),
  },
  { description: 'An operator as its operator set defines it.' },
);
export type OperatorDocumentation = Static<typeof OperatorSchema>;

export const GetOperator = request('slipway/operator', {
  description: 'Documents an operator. One that nothing is known of is `badRequest`.',
  params: Type.Object({
    name: Type.String({ description: 'Operator type, `Conv`.' }),
    domain: Type.Optional(Type.String({ description: 'Its domain; absent for the standard one.' })),
    opset: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Version of the operator set; absent for the newest.' }),
    ),
  }),
  result: OperatorSchema,
});
