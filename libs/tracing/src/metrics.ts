import { metrics } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, InstrumentType, MeterProvider } from '@opentelemetry/sdk-metrics';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { observeProcess } from './process-metrics.js';

export interface Metrics {
  /** What `/metrics` answers with: all instruments of the process in Prometheus' text format, gauges with what is observed now. Calls that overlap share one answer. */
  render(): Promise<string>;
  /** After it, instruments record nothing. */
  shutdown(): Promise<void>;
}

/** The content type of what `render` returns. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** An observable gauge that is cumulative repeats for ever what was observed last, whether or not it still is. */
class Exporter extends PrometheusExporter {
  override selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
  }
}

/**
 * Registers a meter provider for the whole process. Call it before the first `metrics.getMeter()`: meters that were handed
 * out earlier record nothing. Opens no port; serve `render()` wherever HTTP is served already.
 */
export function startMetrics(options: { readonly service: string }): Metrics {
  const reader = new Exporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: options.service }),
    readers: [reader],
  });
  metrics.setGlobalMeterProvider(provider);
  const stopObserving = observeProcess(metrics.getMeter('farandole.process'));
  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) throw new AggregateError(errors, 'some metrics could not be collected');
    return serializer.serialize(resourceMetrics);
  };
  // What is observed for one collection is not in another that goes on meanwhile.
  let underWay: Promise<string> | undefined;
  return {
    render: () => (underWay ??= collect().finally(() => (underWay = undefined))),
    async shutdown() {
      stopObserving();
      metrics.disable();
      await provider.shutdown();
    },
  };
}
