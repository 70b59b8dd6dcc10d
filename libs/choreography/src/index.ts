export * from './drawing.js';
export { faultsOf } from './faults.js';
export * from './part.js';
export * from './source.js';
