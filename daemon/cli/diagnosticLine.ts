// Diagnostics as lines for a terminal.

import { placeText, type Diagnostic } from '../base/diagnostic';

/** `error onnx/truncated (byte 1042): The file ends …`. */
export function diagnosticLine({ severity, id, where, message }: Diagnostic): string {
  const place = placeText(where);
  return `${severity} ${id}${place === '' ? '' : ` (${place})`}: ${message}`;
}
