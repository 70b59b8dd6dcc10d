/** A span as a backend keeps it. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly service: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
  /** Types of the exceptions recorded in it. */
  readonly exceptions: readonly string[];
}

/** Where services send their spans, and where a test reads them back. */
export interface TraceStore {
  /** Tells the services where it is. */
  readonly env: Readonly<Record<string, string>>;
  /** What has arrived of a trace so far. */
  spansOf(traceId: string): Promise<readonly Span[]>;
  /** The traces in which a span has `order.id`. */
  tracesAbout(orderId: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Spans leave their process within a moment, so that nobody waits for them. */
export const SOON = { OTEL_BSP_SCHEDULE_DELAY: '200', OTEL_TRACES_SAMPLER: 'parentbased_always_on' };
