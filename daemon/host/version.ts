// The product's version, put in by the build.

declare const SLIPWAY_VERSION: string;

export const version: string = SLIPWAY_VERSION;
