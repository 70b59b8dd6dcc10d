export * from './errors.js';
export { endPostgres, removePostgres, startPostgres, type PostgresOptions, type RunningPostgres } from './start.js';
export { startTemporaryPostgres } from './temporary.js';
