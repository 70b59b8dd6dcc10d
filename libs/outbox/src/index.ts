export { CreateOutbox1700000000001 } from './create-outbox.js';
export { INSERT, valuesOf } from './insert.js';
export * from './outbox.js';
export * from './relay.js';
export { RolledBack, send, transaction } from './sent.js';
export * from './transactions.js';
