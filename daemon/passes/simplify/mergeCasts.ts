// Casts:
// 1. Cast(Cast(x, A), B) → Cast(x, B) when A holds every value of x's type exactly, so that the detour over A
//    changes nothing. The first one stays when somebody else reads it.
// 2. A Cast to the type that its input already has → nothing. Together with 1: there and back again is nothing.

import { intAttribute } from '../../ir/attributes';
import { dataTypeName } from '../../ir/dataType';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass } from './scope';

/** Types that hold every value of a type, itself included. */
const holders: Readonly<Record<string, string>> = {
  bool: 'bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 bfloat16 float double',
  uint8: 'uint8 int16 uint16 int32 uint32 int64 uint64 float16 bfloat16 float double',
  int8: 'int8 int16 int32 int64 float16 bfloat16 float double',
  uint16: 'uint16 int32 uint32 int64 uint64 float double',
  int16: 'int16 int32 int64 float double',
  uint32: 'uint32 int64 uint64 double',
  int32: 'int32 int64 double',
  int64: 'int64',
  uint64: 'uint64',
  float16: 'float16 float double',
  bfloat16: 'bfloat16 float double',
  float: 'float double',
  double: 'double',
};

const holdsExactly = (type: string, values: string) => holders[values]?.split(' ').includes(type) === true;

/** Merges consecutive Casts and removes those that change nothing. */
export const mergeCasts = (read: TensorReader): Pass =>
  scopePass(
    'merge casts',
    read,
    (scope) => {
      for (const node of scope.nodes()) {
        if (!isOp(node, 'Cast')) continue;
        const to = dataTypeName(intAttribute(node, 'to', 0));
        const former = scope.producer(node.inputs[0]);
        if (isOp(former, 'Cast')) {
          const source = former.inputs[0] ?? '';
          const from = scope.elementType(source);
          const between = dataTypeName(intAttribute(former, 'to', 0));
          if (from !== undefined && holdsExactly(between, from)) {
            scope.update(node, { inputs: [source] });
            if (scope.isUnused(former.outputs[0])) scope.drop(former);
          }
        }
        const [input = ''] = node.inputs;
        if (scope.elementType(input) !== to) continue;
        scope.bypass(node, input);
      }
    },
    ['Cast'],
  );
