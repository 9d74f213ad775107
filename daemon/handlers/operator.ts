// What is known of an operator.

import { badRequest } from '../base/errors';
import { GetOperator } from '../protocol/operator';
import { handler } from './handler';

export const operator = handler(GetOperator, async ({ name, domain = '', opset }) => {
  const { operatorDocumentation } = await import('../analysis/operators/operatorDocumentation');
  const found = operatorDocumentation(domain, name, opset);
  if (found) return found;
  const full = domain === '' ? name : `${domain}.${name}`;
  throw badRequest(
    `Nothing is known of the operator "${full.slice(0, 200)}"${opset === undefined ? '' : ` at version ${opset}`}.`,
  );
});
