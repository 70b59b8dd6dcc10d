export * from './broker.js';
export * from './rig.js';
