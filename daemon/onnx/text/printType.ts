// Types in ONNX's textual form.

import { DataType, dataTypeName } from '../../ir/dataType';
import type { Dimension, Shape, Type } from '../../ir/model';
import { nameText } from './printTensor';

/** `float[N,3]`; undefined where the form has no word for it. */
export function typeWords(type: Type | undefined, depth = 64): string | undefined {
  if (!type || depth === 0) return undefined;
  switch (type.kind) {
    case 'tensor':
      return tensorWords(type.elemType, type.shape);
    case 'sparseTensor': {
      const inside = tensorWords(type.elemType, type.shape);
      return inside && `sparse_tensor(${inside})`;
    }
    case 'sequence':
    case 'optional': {
      const inside = typeWords(type.elem, depth - 1);
      return inside && `${type.kind === 'sequence' ? 'seq' : 'optional'}(${inside})`;
    }
    case 'map': {
      const inside = typeWords(type.valueType, depth - 1);
      return inside && `map(${dataTypeName(type.keyType)}, ${inside})`;
    }
    case 'opaque':
      return `opaque(${[type.domain, type.name].filter((part) => part !== '').join(',')})`;
    case 'none':
      return undefined;
  }
}

const known: ReadonlySet<number> = new Set(Object.values(DataType).filter((each) => each !== 0));

/** No shape is `float[]`, no dimensions `float`. */
function tensorWords(elemType: DataType, shape: Shape | undefined): string | undefined {
  if (!known.has(elemType)) return undefined;
  const dims = shape ? (shape.length === 0 ? '' : `[${shape.map(dimensionText).join(',')}]`) : '[]';
  return `${dataTypeName(elemType)}${dims}`;
}

const dimensionText = ({ value, param }: Dimension): string =>
  value !== undefined ? String(value) : param === undefined || param === '' ? '?' : nameText(param);
