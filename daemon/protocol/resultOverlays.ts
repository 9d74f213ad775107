// What a result says of single nodes, as overlays.

import { Type } from 'typebox';
import { request } from './core';
import { OverlaySchema } from './overlay';

export const ResultOverlays = request('slipway/resultOverlays', {
  description:
    'Makes overlays of the result of a job, to be painted on the graph of the model that the job was about. Works on results of the history too.',
  params: Type.Object({
    method: Type.String({ description: 'The request that gave the result: `slipway/profile`.' }),
    result: Type.Unknown({ description: 'The result, as `method` declares it.' }),
  }),
  result: Type.Object({
    overlays: Type.Array(OverlaySchema, {
      description: 'The most telling first; empty where a result says nothing of single nodes.',
    }),
  }),
});
