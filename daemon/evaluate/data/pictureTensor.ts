// A decoded picture as the values that a model takes, by a recipe: resize, crop the middle, scale, normalise, order.

import { SlipwayError } from '../../base/errors';
import type { PictureRecipe } from './preprocess';
import { resize, type Picture } from './resize';

/** What the model takes: height, width and channels of one sample. */
export interface PictureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly layout: 'NCHW' | 'NHWC';
}

/** Luma of Rec. 601 in whole numbers, as Pillow's conversion to L has it. */
const luma = (r: number, g: number, b: number) => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >>> 16;

/** Channels of a picture with transparency: one of grey, or three in the order asked for; transparency is left out. */
function withoutAlpha(picture: Picture, channels: 1 | 3): Picture {
  const pixels = picture.width * picture.height;
  const data = new Uint8Array(pixels * channels);
  for (let i = 0; i < pixels; i += 1) {
    const [r, g, b] = [picture.data[4 * i]!, picture.data[4 * i + 1]!, picture.data[4 * i + 2]!];
    if (channels === 1) data[i] = luma(r, g, b);
    else data.set([r, g, b], 3 * i);
  }
  return { ...picture, channels, data };
}

function sized(picture: Picture, recipe: PictureRecipe, shape: PictureShape): Picture {
  const { resize: wanted } = recipe;
  if (wanted === undefined) {
    // Without a crop, the shape of the input says the size.
    return recipe.crop ? picture : resize(picture, shape.height, shape.width);
  }
  if (typeof wanted !== 'number') return resize(picture, wanted[0], wanted[1]);
  const { width, height } = picture;
  return height <= width
    ? resize(picture, wanted, Math.trunc((wanted * width) / height))
    : resize(picture, Math.trunc((wanted * height) / width), wanted);
}

/** Nearest even number for halves, as Python rounds. */
const rounded = (value: number) => {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
};

/** Writes one sample into `out` at `offset`; whole-number outputs get the pixels without scaling. */
export function writePicture(
  picture: Picture,
  recipe: PictureRecipe,
  shape: PictureShape,
  out: Float32Array | Uint8Array,
  offset: number,
): void {
  const { channels, layout } = shape;
  const whole = sized(withoutAlpha(picture, channels), recipe, shape);
  const [height, width] = recipe.crop ?? [whole.height, whole.width];
  if (height !== shape.height || width !== shape.width)
    throw new SlipwayError(
      'badRequest',
      `The recipe gives pictures of ${height} × ${width}, and the model takes ${shape.height} × ${shape.width}. State resize and crop to match.`,
    );
  if (whole.height < height || whole.width < width)
    throw new SlipwayError(
      'badRequest',
      `A picture of ${whole.height} × ${whole.width} cannot be cropped to ${height} × ${width}. State a larger resize.`,
    );
  const top = rounded((whole.height - height) / 2);
  const left = rounded((whole.width - width) / 2);
  const asPixels = out instanceof Uint8Array;
  const scale = recipe.scale ?? 255;
  const pixels = height * width;
  for (let channel = 0; channel < channels; channel += 1) {
    const from = recipe.color === 'bgr' && channels === 3 ? 2 - channel : channel;
    const mean = recipe.mean?.[channel] ?? recipe.mean?.[0] ?? 0;
    const std = recipe.std?.[channel] ?? recipe.std?.[0] ?? 1;
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1) {
        const value = whole.data[((top + y) * whole.width + left + x) * channels + from]!;
        const at =
          layout === 'NCHW' ? channel * pixels + y * width + x : (y * width + x) * channels + channel;
        out[offset + at] = asPixels ? value : (value / scale - mean) / std;
      }
  }
}
