import { describeAtLength } from '../tools/docker/available.js';
import { describeBrokerStories } from './broker-stories.js';
import { describeStories } from './stories.js';
import { embeddedPostgres } from './stores.js';

describeStories('postgres', embeddedPostgres);
await describeAtLength('a store that comes and goes', () => describeBrokerStories('postgres', embeddedPostgres));
