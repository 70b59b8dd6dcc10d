import { describeTransport } from '#libs/messaging/testing';
import { startRabbitRig } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';

await describeWithDocker('against RabbitMQ in a container', () => {
  describeTransport('rabbitmq', { start: startRabbitRig });
});
