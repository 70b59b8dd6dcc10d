export { CreateOutbox1700000000001 } from './create-outbox.js';
export { insert } from './insert.js';
export * from './outbox.js';
export * from './relay.js';
export * from './transactions.js';
export { Signal } from './signal.js';
