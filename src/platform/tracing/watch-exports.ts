import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger.ts';

/** Says once that spans do not arrive, and once that they do again: a collector that is away is no reason to fill the log. */
export function watchExports(exporter: SpanExporter, log: Logger): SpanExporter {
  let isFailing = false;
  let lost = 0;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const { error } = result;
        // 0 is success.
        if (result.code === 0) {
          if (isFailing) log.info({ lost }, 'traces arrive again');
          isFailing = false;
          lost = 0;
        } else {
          lost += spans.length;
          if (!isFailing)
            log.warn({ ...(error && { error }) }, 'traces do not arrive at OTEL_EXPORTER_OTLP_ENDPOINT; they are thrown away');
          isFailing = true;
        }
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}
