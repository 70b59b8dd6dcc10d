import { describeStories } from './stories.js';
import { embeddedPostgres } from './stores.js';

describeStories('postgres', embeddedPostgres);
