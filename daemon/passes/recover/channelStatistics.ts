// What accuracy recovery knows of a value: figures for each channel over calibration data, measured by
// daemon/runtime/calibrate/channelStatistics.ts.

/** One entry for each channel of a value. */
export interface ChannelStatistics {
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly mean: Float64Array;
  readonly meanSquare: Float64Array;
}

/** Largest magnitude of each channel. */
export const largestOf = ({ min, max }: ChannelStatistics): Float64Array =>
  max.map((value, channel) => Math.max(Math.abs(value), Math.abs(min[channel]!)));
