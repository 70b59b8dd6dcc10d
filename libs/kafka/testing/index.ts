export * from './kafka-cluster.js';
export * from './kafka-rig.js';
