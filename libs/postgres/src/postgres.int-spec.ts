import { describeTransport } from '#libs/messaging/testing';
import { startTemporaryPostgres } from '../../../tools/postgres/index.js';
import { rigOn } from '../testing/index.js';

// A server of its own, since the suite kills it.
describeTransport('postgres', { start: async () => rigOn(await startTemporaryPostgres()) });
