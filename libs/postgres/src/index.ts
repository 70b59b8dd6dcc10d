export { createPostgresTransport } from './transport.js';
export type { PostgresSettings } from './settings.js';
