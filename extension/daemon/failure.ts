// A rejected request in the words that pages show.

import type { PageError } from '../../daemon/protocol/page';

export function describeFailure(error: unknown): PageError {
  const { message, code, data } = error as {
    message?: string;
    code?: number;
    data?: { diagnostics?: PageError['diagnostics'] };
  };
  return {
    message: message ?? String(error),
    ...(code === undefined ? {} : { code }),
    ...(data?.diagnostics ? { diagnostics: data.diagnostics } : {}),
  };
}
