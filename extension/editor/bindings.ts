// Values that the user gave free dimensions of a model, as long as the window lives.

const byModel = new Map<string, Readonly<Record<string, number>>>();

/** The values of a model, by the name of the dimension. */
export const boundDimensions = (uri: string): Record<string, number> => ({ ...byModel.get(uri) });

export function bindDimensions(uri: string, bind: Readonly<Record<string, number>>): void {
  byModel.set(uri, bind);
}
