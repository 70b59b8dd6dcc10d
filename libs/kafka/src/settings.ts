import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';

/** How this process reaches Kafka, and how topics are made. Times in milliseconds. */
export interface KafkaSettings {
  /** `host:port` of one broker or more. */
  readonly brokers: readonly string[];
  /** Partitions of a topic that does not exist yet: the lanes in which a service works side by side. Default 4. */
  readonly partitions?: number;
  /** Copies of a topic that does not exist yet; -1 takes the broker's `default.replication.factor`. Default -1. */
  readonly replicationFactor?: number;
  /** Default gzip; requests under 16 KiB are sent as they are. */
  readonly compression?: 'gzip' | 'none';
  readonly sasl?: SASLOptions;
  /** `true` trusts the system's authorities; otherwise as for `tls.connect`. */
  readonly ssl?: boolean | ConnectionOptions;
  /** A replica that was killed is given up after this. The broker allows no less than its `group.min.session.timeout.ms` (6,000). Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** How soon a replica learns that another one joined. Default 1,000. */
  readonly heartbeatMs?: number;
  /** How long, when a replica joins or leaves, the others wait for a batch that is still running in one of them. Default 10,000. */
  readonly rebalanceTimeoutMs?: number;
  /** `publish` rejects if the store has not answered one of its requests by then; a large call takes several. Default 10,000. */
  readonly publishTimeoutMs?: number;
}

export type ResolvedSettings = ReturnType<typeof withDefaults>;

export function withDefaults(settings: KafkaSettings) {
  return {
    brokers: [...settings.brokers],
    partitions: settings.partitions ?? 4,
    replicationFactor: settings.replicationFactor ?? -1,
    compression: settings.compression ?? 'gzip',
    sasl: settings.sasl,
    ssl: settings.ssl ?? false,
    sessionTimeoutMs: settings.sessionTimeoutMs ?? 10_000,
    heartbeatMs: settings.heartbeatMs ?? 1_000,
    rebalanceTimeoutMs: settings.rebalanceTimeoutMs ?? 10_000,
    publishTimeoutMs: settings.publishTimeoutMs ?? 10_000,
  };
}
