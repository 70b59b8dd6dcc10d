import { describeBrokerStories } from './broker-stories.js';
import { describeStories } from './stories.js';
import { embeddedPostgres } from './stores.js';

describeStories('postgres', embeddedPostgres);
describeBrokerStories('postgres', embeddedPostgres);
