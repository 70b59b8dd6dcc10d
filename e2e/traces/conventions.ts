import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import type { Span } from './span.js';

const KNOWN: ReadonlySet<unknown> = new Set(
  Object.entries(conventions).flatMap(([name, value]) => (name.startsWith('ATTR_') ? [value] : [])),
);
/** Ours, or the backend's. `messaging.redelivered` is no convention yet; the word is that of the brokers. */
const OURS = /^(farandole\..*|order\.id|messaging\.redelivered|otel\..*|internal\..*|span\.kind)$/;

interface Shape {
  readonly kind: Span['kind'];
  readonly type?: string;
  readonly has: readonly string[];
}

const message = [
  'messaging.system',
  'messaging.destination.name',
  'messaging.message.id',
  'messaging.message.conversation_id',
  'order.id',
];
const request = ['http.request.method', 'http.response.status_code'];

const SHAPES: readonly (readonly [name: RegExp, shape: Shape])[] = [
  [/^create /, { kind: 'producer', type: 'create', has: message }],
  [/^publish /, { kind: 'client', type: 'send', has: [...message, 'messaging.batch.message_count'] }],
  [/^process /, { kind: 'consumer', type: 'process', has: [...message, 'messaging.consumer.group.name'] }],
  [/^(GET|POST|PUT) \//, { kind: 'server', has: [...request, 'http.route', 'url.path', 'url.scheme'] }],
  [/^(GET|POST|PUT)$/, { kind: 'client', has: [...request, 'url.full', 'server.address', 'server.port'] }],
  [/^transaction$/, { kind: 'internal', has: [] }],
];

/** Where a span differs from the conventions; empty when it follows them. */
export function deviations({ name, kind, attributes, failed, service }: Span): string[] {
  const says = (what: string) => `${name} · ${service}: ${what}`;
  const shape = SHAPES.find(([pattern]) => pattern.test(name))?.[1];
  if (!shape) return [says('a name that is not agreed')];
  const missing = shape.has.filter((attribute) => attributes[attribute] === undefined);
  const unknown = Object.keys(attributes).filter((attribute) => !KNOWN.has(attribute) && !OURS.test(attribute));
  const operation = attributes['messaging.operation.type'];
  return [
    ...(kind === shape.kind ? [] : [says(`is of kind ${kind}, not ${shape.kind}`)]),
    ...(operation === shape.type ? [] : [says(`messaging.operation.type is ${String(operation)}`)]),
    ...missing.map((attribute) => says(`lacks ${attribute}`)),
    ...unknown.map((attribute) => says(`${attribute} is no attribute of the conventions`)),
    ...(failed === (attributes['error.type'] !== undefined)
      ? []
      : [says('tells a failure without its type, or the other way')]),
  ];
}
