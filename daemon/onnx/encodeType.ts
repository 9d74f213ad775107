// Writers of TypeProto, TensorShapeProto and ValueInfoProto.

import type { Dimension, Type, ValueInfo } from '../ir/model';
import { encodeEntry, encodeText } from './encodeTensor';
import type { WireWriter } from './wireWriter';

export function encodeValueInfo(out: WireWriter, info: ValueInfo): void {
  encodeText(out, 1, info.name);
  const { type } = info;
  if (type) out.message(2, () => encodeType(out, type));
  encodeText(out, 3, info.docString);
  for (const entry of info.metadataProps) encodeEntry(out, 4, entry);
  if (info.unknown) out.verbatim(info.unknown);
}

const kindField = { tensor: 1, sequence: 4, map: 5, opaque: 7, sparseTensor: 8, optional: 9 } as const;

export function encodeType(out: WireWriter, type: Type): void {
  if (type.kind !== 'none') {
    out.message(kindField[type.kind], () => {
      encodeKind(out, type);
      if (type.unknownInside) out.verbatim(type.unknownInside);
    });
  }
  if (type.denotation !== undefined) out.string(6, type.denotation);
  if (type.unknown) out.verbatim(type.unknown);
}

function encodeKind(out: WireWriter, type: Type): void {
  switch (type.kind) {
    case 'tensor':
    case 'sparseTensor': {
      const { shape } = type;
      if (type.elemType !== 0) out.int(1, type.elemType);
      if (!shape) return;
      out.message(2, () => {
        for (const dimension of shape) out.message(1, () => encodeDimension(out, dimension));
        if (type.unknownInShape) out.verbatim(type.unknownInShape);
      });
      return;
    }
    case 'sequence':
    case 'optional': {
      const { elem } = type;
      if (elem) out.message(1, () => encodeType(out, elem));
      return;
    }
    case 'map': {
      const { valueType } = type;
      if (type.keyType !== 0) out.int(1, type.keyType);
      if (valueType) out.message(2, () => encodeType(out, valueType));
      return;
    }
    case 'opaque':
      encodeText(out, 1, type.domain);
      encodeText(out, 2, type.name);
      return;
    case 'none':
  }
}

function encodeDimension(out: WireWriter, dimension: Dimension): void {
  if (dimension.value !== undefined) out.int(1, Math.trunc(dimension.value));
  else if (dimension.param !== undefined) out.string(2, dimension.param);
  if (dimension.denotation !== undefined) out.string(3, dimension.denotation);
  if (dimension.unknown) out.verbatim(dimension.unknown);
}
