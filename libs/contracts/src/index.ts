export * from './message-type.js';
export * from './envelope.js';
export * from './cloud-events.js';
export * from './events.js';
export * from './commands.js';
export * from './choreography.js';
