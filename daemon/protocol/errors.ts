// JSON-RPC error codes of the daemon. The reserved ones are JSON-RPC's and LSP's own; ours lie below -31000.

export const ErrorCode = {
  /** The text was not JSON. */
  parseError: -32700,
  /** The message was not a JSON-RPC 2.0 message. */
  invalidRequest: -32600,
  /** No such method. */
  methodNotFound: -32601,
  /** The params do not match the method's schema; the message names the field. */
  invalidParams: -32602,
  /** A bug of ours; the daemon's log has the stack. */
  internalError: -32603,
  /** The client cancelled the request. */
  requestCancelled: -32800,
  /** The handshake has not happened yet. */
  notAuthenticated: -31001,
  /** The handshake's token is wrong. */
  wrongToken: -31002,
  /** Client and daemon speak different protocol versions. */
  versionMismatch: -31003,
  /** The request itself cannot be: wrong option, wrong shape, wrong dtype. */
  badRequest: -31010,
  /** A file, a model or a deployment that is not there. */
  notFound: -31011,
  /** The model is broken in a way that forbids what was asked; data.diagnostics says where. */
  invalidModel: -31012,
  /** Not possible on this machine or in this version. */
  unsupported: -31013,
  /** The file system refused: permission, full disk. */
  fileSystem: -31014,
  /** Would overwrite a file, or a port is in use. */
  conflict: -31015,
  /** ONNX Runtime refused the model or the inputs. */
  runnerFailed: -31020,
  /** The runner process crashed, hung or was killed; the daemon and other jobs go on. */
  runnerDied: -31021,
  /** It took longer than allowed. */
  timeout: -31022,
  /** The model file changed since the revision that the request names. */
  modelChanged: -31030,
} as const;

export type ErrorName = keyof typeof ErrorCode;

/** One sentence for each code, for docs/protocol.md. */
export const errorDescriptions: Readonly<Record<ErrorName, string>> = {
  parseError: 'The text was not JSON.',
  invalidRequest: 'The message was not a JSON-RPC 2.0 message.',
  methodNotFound: 'No such method.',
  invalidParams: "The params do not match the method's schema; the message names the field.",
  internalError: 'A bug in the daemon; its log has the stack.',
  requestCancelled: 'The client cancelled the request.',
  notAuthenticated: 'The first message was not the handshake.',
  wrongToken: "The handshake's token is wrong.",
  versionMismatch: 'Client and daemon speak different protocol versions; the message names both.',
  badRequest: 'The request cannot be fulfilled as it stands: a wrong option, shape or dtype.',
  notFound: 'A file, a model or a deployment that is not there.',
  invalidModel: 'The model is broken in a way that forbids what was asked; `data.diagnostics` says where.',
  unsupported: 'Not possible on this machine or in this version.',
  fileSystem: 'The file system refused: permission, full disk.',
  conflict: 'It would overwrite a file, or a port is in use.',
  runnerFailed: 'ONNX Runtime refused the model or the inputs.',
  runnerDied: 'The runner process crashed, hung or was killed; the daemon and other jobs go on.',
  timeout: 'It took longer than allowed.',
  modelChanged: 'The model file changed since the revision that the request names; open it again.',
};
