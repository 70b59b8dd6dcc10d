import { describeWithDocker } from '../tools/docker/available.js';
import { describeBrokerStories } from './broker-stories.js';
import { describeStories } from './stories.js';
import { kafka } from './stores.js';

await describeWithDocker('the platform on Kafka', () => {
  describeStories('kafka', kafka);
  describeBrokerStories('kafka', kafka);
});
