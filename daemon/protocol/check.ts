// Check a model: what is wrong with it or could be better, by rules that the user may turn down, up or off.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';

export const severities = Type.Optional(
  Type.Record(
    Type.String(),
    Type.Union([Type.Literal('off'), Type.Literal('info'), Type.Literal('warning'), Type.Literal('error')]),
    {
      description:
        'Severity by rule id (`performance/cast-pair`), family (`performance`) or `all`; the narrowest counts, and what is absent stays as docs/checks.md has it.',
    },
  ),
);
export type SeverityNames = NonNullable<Static<typeof severities>>;

export const Check = request('slipway/check', {
  description:
    'Checks a model: validity, portability, performance, size, quantization and safety. A language client also gets the result in its list of problems.',
  params: Type.Object({
    ...modelRef,
    rules: severities,
    weights: Type.Optional(
      Type.Boolean({
        description: 'Look at the values of the weights too, which reads the whole file.',
      }),
    ),
    ...longRequest,
  }),
  result: Type.Object({
    diagnostics: Type.Array(DiagnosticSchema, { description: 'The worst first.' }),
    unknownRules: Type.Array(Type.String(), {
      description: 'Names in `rules` that are neither a rule nor a family.',
    }),
  }),
});
