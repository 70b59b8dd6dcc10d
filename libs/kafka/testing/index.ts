export { kafkaVersion, startKafkaBroker } from './kafka-container.js';
export * from './kafka-cluster.js';
export * from './kafka-rig.js';
