import { v7 as uuidv7 } from 'uuid';
import { encode, type Envelope, type EventType, type Stated } from '#libs/contracts';
import { topicOf, type Delivery } from '#libs/messaging';

/** What would arrive if another service stated this now. */
export function envelopeOf<E extends EventType>(
  stated: { of: E; data: Stated<E>['data'] },
  overrides: Partial<Envelope> = {},
): Envelope<E> {
  const { of, data } = stated as Stated<E>;
  return {
    id: uuidv7(),
    type: of.type,
    version: of.version,
    source: of.source,
    key: of.keyOf(data),
    time: new Date().toISOString(),
    correlationId: uuidv7(),
    data,
    ...overrides,
  } as Envelope<E>;
}

/** As a store hands it out the first time. */
export function deliveryOf(envelope: Envelope): Delivery {
  const { id, type, key } = envelope;
  return { id, type, key, topic: topicOf(envelope), ...encode(envelope), redelivered: false, origin: 'test' };
}
