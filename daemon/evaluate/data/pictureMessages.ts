// What goes between pictures.ts and its worker.

import type { PictureShape } from './pictureTensor';
import type { PictureRecipe } from './preprocess';

export interface PictureOrder {
  readonly files: readonly string[];
  readonly recipe: PictureRecipe;
  readonly shape: PictureShape;
  /** Pixels as they are, in bytes, instead of scaled floating point. */
  readonly pixels: boolean;
}

export type PictureAnswer =
  | { readonly data: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> }
  | { readonly failed: string; readonly why: string };
