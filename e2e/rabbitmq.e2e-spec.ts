import { describeWithDocker } from '../tools/docker/available.js';
import { describeBrokerStories } from './broker-stories.js';
import { describeStories } from './stories.js';
import { rabbitmq } from './stores.js';

await describeWithDocker('the platform on RabbitMQ', () => {
  describeStories('rabbitmq', rabbitmq);
  describeBrokerStories('rabbitmq', rabbitmq);
});
