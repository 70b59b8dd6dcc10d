export * from './errors.js';
export * from './fail-points.js';
export { gatherWrites } from './gather-writes.js';
export * from './handlers.js';
export * from './metrics.js';
export * from './reactions.js';
export * from './server.js';
export * from './spans.js';
export * from './transport.js';
