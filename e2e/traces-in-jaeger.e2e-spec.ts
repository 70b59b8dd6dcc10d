import { describeWithDocker } from '../tools/docker/available.js';
import { kafka, rabbitmq } from './stores.js';
import { describeTraces } from './traces/describe-traces.js';
import { startJaeger } from './traces/jaeger.js';

await describeWithDocker('Jaeger', () => {
  describeTraces('rabbitmq', rabbitmq, startJaeger);
  describeTraces('kafka', kafka, startJaeger);
});
