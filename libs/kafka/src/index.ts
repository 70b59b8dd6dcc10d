export { createKafkaTransport } from './kafka-transport.js';
export type { KafkaSettings } from './settings.js';
