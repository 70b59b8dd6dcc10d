export * from './claims.js';
export { CreateInbox1700000000002 } from './create-inbox.js';
export * from './dead-letters.js';
export { DueTable } from './due.js';
export * from './due-worker.js';
export { isDatabaseDown } from './database-errors.js';
export { Inbox } from './inbox.js';
export type { Limits } from './limits.js';
