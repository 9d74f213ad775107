// The words of accuracy recovery. Apart from recover.ts, so that the command line knows them without loading it.

export const recoverMethods = ['cle', 'smooth', 'adaround', 'bias', 'bias-iterative'] as const;
export type RecoverMethod = (typeof recoverMethods)[number];
