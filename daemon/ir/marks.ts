// Keys of what Slipway writes into the metadata of a model's nodes, for those that read it again.

/** The operator that a DequantizeLinear is in itself, by reading bytes with another scale than they were made with. */
export const readsAsKey = 'slipway.reads_as';
