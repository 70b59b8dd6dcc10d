export * from './describe-transport.js';
export * from './eventually.js';
export * from './in-memory-store.js';
export * from './in-memory.js';
export * from './proxy.js';
export * from './recorder.js';
export * from './rig.js';
export * from './scene.js';
