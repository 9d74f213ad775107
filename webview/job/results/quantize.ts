// What quantization and conversion gave: what runs in integers, what stayed in float with the reason, what each layer
// lost.

import { html, nothing, type TemplateResult } from 'lit';
import type { ConvertPrecisionResult } from '../../../daemon/protocol/precision';
import type { QuantizeResult } from '../../../daemon/protocol/quantize';
import type { WeightOnlyResult } from '../../../daemon/protocol/weightOnly';
import { percent, plural, signed, three } from '../../ui/format';
import { elide, fullText, visible } from '../../ui/text';
import { errorFacts, factList, fold, table, type Fact } from './facts';

export function quantizeParts(
  result: QuantizeResult | WeightOnlyResult | ConvertPrecisionResult,
): TemplateResult {
  const { fusion, scheme, accuracy, emulation } = result;
  const facts: Fact[] = [];
  const half = 'search' in result;
  if (fusion.integer + fusion.float > 0 && !('weightOnly' in result) && !half) {
    facts.push({
      name: 'Runs in integers',
      value: `${fusion.integer} of ${plural(fusion.integer + fusion.float, 'compute node')}`,
      title: 'Read back from the graph that ONNX Runtime really runs',
    });
  }
  facts.push({
    name: half ? 'Converted' : 'Quantized',
    value: half ? converted(result) : plural(result.quantizedNodes, 'node'),
    ...(half
      ? {}
      : {
          title:
            'Nodes that were given integer weights or inputs; ONNX Runtime joins some of them, so that fewer run',
        }),
  });
  if (half && result.search) facts.push(...searchFacts(result.search));
  if (typeof scheme === 'string') facts.push({ name: 'Integers', value: visible(scheme) });
  if ('speed' in result && result.speed)
    facts.push({
      name: 'Speed',
      value: html`<span class="verdict-${speedOf(result.speed.ratio).verdict}"
        >${speedOf(result.speed.ratio).text}</span
      >`,
      title: `${three(result.speed.floatMs)} → ${three(result.speed.quantizedMs)} ms; one sample, one thread, measured for a moment`,
    });
  if (accuracy) {
    facts.push({
      name: 'Top-1',
      value: html`${points(accuracy.quantized)} after ${points(accuracy.float)} in float:
        <span class=${accuracy.holds ? 'verdict-better' : 'verdict-worse'}
          >${signed(-100 * accuracy.drop, 2)} points, ${accuracy.holds ? 'within' : 'more than'} the
          ${(100 * accuracy.maxDrop).toFixed(2)} that may be lost</span
        >`,
      title: `${plural(accuracy.evaluations, 'version')} measured; the search ended: ${accuracy.stopped}`,
    });
    if (accuracy.reverted.length > 0)
      facts.push({ name: 'Given back to float', value: visible(accuracy.reverted.join(', ')) });
  }
  facts.push(...errorFacts(result.error));
  if (emulation) {
    facts.push({
      name: `On ${visible(emulation.target)}`,
      value: `${three(emulation.error.sqnrDb)} dB; ${plural(emulation.dangerousPairs, 'pair')} of weights can saturate`,
    });
  }
  return html`${factList(facts)} ${'weightOnly' in result ? layers(result) : nothing} ${left(result)}`;
}

/** Half floats of storage are weights, those of arithmetic are nodes. */
const converted = ({ quantizedNodes, diagnostics }: ConvertPrecisionResult): string =>
  plural(quantizedNodes, diagnostics.some(({ id }) => id === 'precision/storage') ? 'weight' : 'node');

/** A share with the digits that a loss of a few hundredths of a point needs. */
const points = (share: number) => `${(100 * share).toFixed(2)} %`;

/** A short comparison with the float model; within a few hundredths it says nothing. */
export function speedOf(ratio: number): { text: string; verdict: 'better' | 'worse' | 'same' } {
  if (ratio >= 1.03) return { text: `${three(ratio)}× faster than float`, verdict: 'better' };
  if (ratio <= 0.97) return { text: `${three(1 / ratio)}× slower than float`, verdict: 'worse' };
  return { text: 'no faster than float', verdict: 'same' };
}

const metricNames = {
  top1: 'Top-1',
  agreement: 'Agreement with float32',
  cosine: 'Cosine',
  sqnr: 'Signal to noise',
} as const;

/** What the outputs were asked to keep and keep, and what that took. */
function searchFacts({
  measured,
  float,
  evaluations,
}: NonNullable<ConvertPrecisionResult['search']>): Fact[] {
  const share = (metric: string) => metric === 'top1' || metric === 'agreement';
  return [
    ...measured.map(({ metric, value, least, float: before }): Fact => {
      const text = (number: number) =>
        share(metric) ? percent(number) : metric === 'sqnr' ? `${three(number)} dB` : number.toFixed(5);
      return {
        name: metricNames[metric],
        value: `${text(value)}, at least ${text(least)} asked for`,
        title: `${before === null ? '' : `${percent(before)} in float32; `}${plural(evaluations, 'version')} measured`,
      };
    }),
    ...(float.length > 0 ? [{ name: 'Given back to float32', value: visible(float.join(', ')) }] : []),
  ];
}

function left({ fusion }: QuantizeResult) {
  if (fusion.left.length === 0) return nothing;
  const mends = fusion.left.some((row) => mendOf(row) !== '');
  return fold(
    `${plural(fusion.left.length, 'node')} ${fusion.left.length === 1 ? 'stays' : 'stay'} in float`,
    table(
      [
        { name: 'Node', cell: ({ node }) => html`<span title=${fullText(node)}>${elide(node, 40)}</span>` },
        { name: 'Operator', cell: ({ op }) => elide(op, 32) },
        { name: 'Why', cell: ({ why }) => visible(why) },
        ...(mends
          ? [
              {
                name: 'What would mend it',
                cell: (row: (typeof fusion.left)[number]) => visible(mendOf(row)),
              },
            ]
          : []),
      ],
      fusion.left,
      'Nodes that stay in float',
    ),
    fusion.left.length <= 12,
  );
}

/** What would bring the node into integers, where the daemon says so. */
function mendOf(row: object): string {
  const mend = 'mend' in row ? row.mend : undefined;
  return typeof mend === 'string' ? mend : '';
}

function layers({ weightOnly }: WeightOnlyResult): TemplateResult {
  const worst = [...weightOnly.layers].sort((a, b) => b.error.relative - a.error.relative);
  return fold(
    `What each of ${plural(worst.length, 'weight')} lost`,
    table(
      [
        {
          name: 'Weight',
          cell: ({ weight }) => html`<span title=${fullText(weight)}>${elide(weight, 40)}</span>`,
        },
        { name: 'Shape', number: true, cell: ({ k, n }) => `${k} × ${n}` },
        { name: 'By', cell: ({ algorithm }) => visible(algorithm) },
        {
          name: 'Error',
          number: true,
          title: 'Root of the squared error over the squared original',
          cell: ({ error }) => `${percent(error.relative)} of the ${error.of}`,
        },
      ],
      worst,
      'Error of each weight',
    ),
    worst.length <= 12,
  );
}
