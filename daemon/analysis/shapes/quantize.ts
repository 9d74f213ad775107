// Shape rules of quantizing and dequantizing operators.

import { dataTypeName } from '../../ir/dataType';
import { intOf, type Rule, type RuleContext, type RuleTable } from './context';

/** The zero point has the quantized type; without one it is output_dtype (opset 21), else uint8. */
function quantizedType(context: RuleContext): string {
  if (context.has(2)) return context.dtype(2);
  const stated = intOf(context, 'output_dtype', 0);
  return stated === 0 ? 'uint8' : dataTypeName(stated);
}

const quantize: Rule = (context) => [{ dtype: quantizedType(context), dims: context.dims(0) }];

const dequantize: Rule = (context) => {
  const stated = intOf(context, 'output_dtype', 0);
  // The result has the type of the scale, which was always float before opset 19.
  const dtype = stated === 0 ? context.dtype(1) : dataTypeName(stated);
  return [{ dtype, dims: context.dims(0) }];
};

const dynamicQuantize: Rule = (context) => [
  { dtype: 'uint8', dims: context.dims(0) },
  { dtype: 'float', dims: [] },
  { dtype: 'uint8', dims: [] },
];

export const quantizeRules: RuleTable = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
  'com.microsoft.QuantizeLinear': quantize,
  'com.microsoft.DequantizeLinear': dequantize,
  'com.microsoft.GatherBlockQuantized': (context) => {
    const indices = context.dims(1);
    const data = context.dims(0);
    const dtype = context.dtype(2);
    // Only the usual case, whole rows of a table of 4-bit or 8-bit values that is not packed in bytes.
    if (!indices || !data || intOf(context, 'gather_axis', 0) !== 0 || context.dtype(0) === 'uint8') {
      return [{ dtype, dims: null }];
    }
    return [{ dtype, dims: [...indices, ...data.slice(1)] }];
  },
};
