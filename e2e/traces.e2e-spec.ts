import { embeddedPostgres } from './stores.js';
import { describeTraces } from './traces/describe-traces.js';
import { startReceiver } from './traces/receiver.js';

describeTraces('postgres', embeddedPostgres, startReceiver);
