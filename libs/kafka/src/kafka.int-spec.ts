import { describeTransport } from '#libs/messaging/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { startKafkaRig } from '../testing/index.js';

await describeWithDocker('kafka', () => describeTransport('kafka', { start: startKafkaRig }));
