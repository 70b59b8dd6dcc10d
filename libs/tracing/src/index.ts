export * from './current-trace.js';
export * from './http-client.js';
export * from './http-server.js';
export * from './metrics.js';
export * from './start.js';
