// A model under load: latencies as percentiles, the wait against theory, and the rates that were tried.

import { html, nothing, svg, type TemplateResult } from 'lit';
import { linear, ticks } from '../../charts/axis';
import { colourOf, edge, figure, frame, grid, height, pointMark } from '../../charts/frame';
import { milliseconds, percent, plural, three, whole } from '../../ui/format';
import { visible } from '../../ui/text';
import { nameOf, type Benchmarked } from './benchmark';
import { factList, type Fact } from './facts';

type Load = NonNullable<Benchmarked['load']>[number];

export function loadParts({ load = [] }: Benchmarked, models: readonly string[], width: number) {
  return load.length === 0
    ? nothing
    : load.map(
        (one) =>
          html`<section class="load">
            ${one.trials.length > 1 ? trials(one, models, width) : nothing} ${facts(one, models.length > 1)}
          </section>`,
      );
}

function facts(load: Load, several: boolean): TemplateResult {
  const { latencyMs, waitMs, serviceMs } = load;
  const list: Fact[] = [];
  if (load.rate !== null) {
    list.push({
      name:
        load.boundMs === null
          ? 'Arrivals'
          : load.failure
            ? 'Highest rate that held so far'
            : 'Highest rate that holds',
      value:
        load.rate === 0
          ? html`<span class="verdict-worse">${noRate(load)}</span>`
          : `${three(load.rate)} per second${load.boundMs === null ? '' : `, p99 within ${milliseconds(load.boundMs)}`}`,
    });
  }
  list.push(
    {
      // Without a rate that holds, what is left is the run that the search began with.
      name: load.rate === 0 ? 'Latency one after another' : 'Latency',
      value: `p50 ${milliseconds(latencyMs.p50)}, p90 ${milliseconds(latencyMs.p90)}, p99 ${milliseconds(latencyMs.p99)}`,
      title: 'From the scheduled arrival to the answer',
    },
    {
      name: 'Answered',
      value: `${plural(load.queries, 'query', 'queries')}, ${three(load.queriesPerSecond)} per second`,
    },
    {
      name: 'Busy',
      value: `${percent(load.utilisation)} of the time of ${plural(load.workers, 'process', 'processes')}`,
    },
    { name: 'Service alone', value: `${milliseconds(serviceMs.mean)} ± ${milliseconds(serviceMs.stddev)}` },
    {
      name: 'Wait',
      value: `${milliseconds(waitMs.mean)}${load.expectedWaitMs === null ? '' : `; queueing theory expects ${milliseconds(load.expectedWaitMs)}`}`,
      title: 'Mean time from arrival to the start of service; theory: Pollaczek–Khinchine',
    },
  );
  if (load.abandoned > 0)
    list.push({
      name: 'Given up',
      value: load.failure
        ? plural(load.abandoned, 'query', 'queries')
        : `${whole(load.abandoned)} queries that could not be in time any more`,
    });
  if (load.failure)
    list.push({
      name: 'Ended early',
      value: html`<span class="verdict-worse">${visible(load.failure.message)}</span>`,
    });
  const pattern = {
    'single-stream': 'One after another',
    offline: 'All at once',
    server: 'Poisson arrivals',
  }[load.pattern];
  return html`<h3>${visible(pattern ?? load.pattern)}${several ? `: ${nameOf(load.model)}` : ''}</h3>
    ${factList(list)}`;
}

/** A rate counts once it has held with other arrivals too; on a disturbed machine one may hold by chance. */
function noRate({ trials, boundMs }: Load): string {
  const once = Math.max(0, ...trials.filter(({ holds }) => holds).map(({ rate }) => rate));
  const bound = milliseconds(boundMs ?? 0);
  return once === 0
    ? `none: no rate holds ${bound}`
    : `none for certain: ${three(once)} per second held ${bound} once, and not again with other arrivals`;
}

/** The rates that were tried, each with its p99, and the bound as a line. */
function trials(load: Load, models: readonly string[], width: number): TemplateResult {
  const bound = load.boundMs ?? 0;
  const list = [...load.trials].sort((a, b) => a.rate - b.rate);
  const bottom = height - edge.bottom;
  const highX = 1.08 * Math.max(...list.map(({ rate }) => rate));
  // A rate that cannot hold queues without end: what matters is near the bound.
  const highY = 1.15 * Math.min(Math.max(...list.map(({ p99Ms }) => p99Ms), bound), 4 * bound || Infinity);
  const x = linear(0, highX, edge.left, width - edge.right);
  const y = linear(0, highY, bottom, edge.top);
  const colour = colourOf(Math.max(0, models.indexOf(load.model)));
  return figure(
    'p99 over arrival rate',
    `p99 over arrival rate: ${list.map(({ rate, p99Ms, holds }) => `${three(rate)} per second: ${milliseconds(p99Ms)}${holds ? '' : ', too slow'}`).join('; ')}`,
    [{ name: nameOf(load.model), colour }],
    html`${svg`
      ${frame(
        width,
        'arrivals per second',
        'p99, ms',
        ticks(0, highX, 5).map((tick) => ({ at: x(tick), text: String(tick) })),
      )}
      ${grid(
        width,
        ticks(0, highY, 4)
          .filter((tick) => tick > 0)
          .map((tick) => ({ at: y(tick), text: String(tick) })),
      )}
      ${
        bound > 0
          ? svg`<line class="front" x1=${edge.left} x2=${width - edge.right} y1=${y(bound)} y2=${y(bound)}></line>
        <text class="hint" x=${width - edge.right} y=${y(bound) - 6} text-anchor="end">bound ${milliseconds(bound)}</text>`
          : nothing
      }
      ${list.map(({ rate, p99Ms, holds }) => pointMark(holds ? colour : 'series-none', x(rate), Math.max(edge.top, y(p99Ms))))}`}`,
    width,
  );
}
