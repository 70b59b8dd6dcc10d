export { createRabbitTransport } from './rabbit-transport.js';
export { RabbitRefused, TopologyMismatch } from './refusals.js';
export { NotConfirmed } from './rabbit-publisher.js';
export type { RabbitSettings } from './settings.js';
