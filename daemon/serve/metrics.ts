// What Prometheus reads: families, labels and buckets. Labels are models that are really served, protocols and
// status codes, so that no client can make new series.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ServedModel } from './repository';

type ModelId = Pick<ServedModel, 'name' | 'version'>;

const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class Metrics {
  private readonly registry = new Registry();
  private readonly requests: Counter;
  private readonly duration: Histogram;
  private readonly queue: Histogram;
  private readonly compute: Histogram;
  private readonly inflight: Gauge;
  private readonly replaced: Counter;

  /** `models` is asked at each scrape. */
  constructor(models: () => readonly ServedModel[]) {
    const registers = [this.registry];
    const modelLabels = ['model', 'version'];
    const histogram = (name: string, help: string) =>
      new Histogram({ name, help, labelNames: modelLabels, buckets: seconds, registers });
    const gauge = (name: string, help: string, value: (model: ServedModel) => number) =>
      new Gauge({
        name,
        help,
        labelNames: modelLabels,
        registers,
        collect() {
          for (const model of models()) this.set(labels(model), value(model));
        },
      });
    this.requests = new Counter({
      name: 'slipway_requests_total',
      help: 'Inference requests answered, by status code; requests for unknown models have an empty model label.',
      labelNames: [...modelLabels, 'protocol', 'code'],
      registers,
    });
    this.duration = histogram(
      'slipway_request_duration_seconds',
      'From the end of the request headers until the answer is handed to the network.',
    );
    this.queue = histogram('slipway_queue_duration_seconds', 'Waiting for a worker.');
    this.compute = histogram('slipway_compute_duration_seconds', 'Running the model, in a worker.');
    this.inflight = new Gauge({
      name: 'slipway_inflight_requests',
      help: 'Inference requests accepted and not answered yet.',
      labelNames: modelLabels,
      registers,
    });
    this.replaced = new Counter({
      name: 'slipway_workers_replaced_total',
      help: 'Workers that died or hung and were replaced.',
      labelNames: modelLabels,
      registers,
    });
    gauge('slipway_queue_depth', 'Requests waiting for a worker.', (model) => model.queued);
    gauge('slipway_model_loaded', '1 when the model has a worker to serve it.', (model) =>
      Number(model.ready),
    );
    gauge(
      'slipway_model_load_seconds',
      'Loading and warming up the first worker.',
      (model) => model.loadSeconds,
    );
    new Gauge({
      name: 'slipway_execution_provider_info',
      help: 'Always 1: the execution provider that the model runs on.',
      labelNames: [...modelLabels, 'provider'],
      registers,
      collect() {
        for (const model of models()) this.set({ ...labels(model), provider: 'CPUExecutionProvider' }, 1);
      },
    });
    collectDefaultMetrics({ register: this.registry });
  }

  /** Series of a model that exist from the start, so that rates have a zero to begin with. */
  modelAdded(model: ModelId): void {
    this.inflight.set(labels(model), 0);
    this.replaced.inc(labels(model), 0);
    this.requests.inc({ ...labels(model), protocol: 'http', code: '200' }, 0);
  }

  /** Counts a request as begun; the function that comes back counts it as answered. */
  requestBegun(protocol: string, model: ModelId | undefined): (code: string) => void {
    const begun = performance.now();
    if (model) this.inflight.inc(labels(model));
    return (code) => {
      this.requests.inc({ ...labels(model), protocol, code });
      if (!model) return;
      this.inflight.dec(labels(model));
      this.duration.observe(labels(model), (performance.now() - begun) / 1000);
    };
  }

  modelRan(model: ModelId, times: { readonly queueSeconds: number; readonly computeSeconds: number }): void {
    this.queue.observe(labels(model), times.queueSeconds);
    this.compute.observe(labels(model), times.computeSeconds);
  }

  workerReplaced(model: ModelId): void {
    this.replaced.inc(labels(model));
  }

  /** The exposition text and its content type. */
  async text(): Promise<{ readonly type: string; readonly body: string }> {
    return { type: this.registry.contentType, body: await this.registry.metrics() };
  }
}

const labels = (model: ModelId | undefined) => ({ model: model?.name ?? '', version: model?.version ?? '' });
