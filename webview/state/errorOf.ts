// An exception in words, as the page shows it.

import type { PageError } from '../../daemon/protocol/page';
import { PageFailure } from '../../daemon/protocol/pageChannel';

export function errorOf(error: unknown): PageError {
  if (error instanceof PageFailure) return error.error;
  return { message: error instanceof Error ? error.message : String(error) };
}
