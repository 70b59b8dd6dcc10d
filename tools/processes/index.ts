export * from './folder.js';
export * from './identity.js';
export * from './ports.js';
export * from './signal.js';
export * from './wait.js';
