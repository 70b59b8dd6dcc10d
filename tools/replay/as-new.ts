import { defaultPorts, portOffset } from '../platform/apps.js';
import { freshDatabase } from './fresh-database.js';
import type { Options } from './options.js';
import { post } from './post.js';
import { messages } from './told.js';

const DAY_MS = 86_400_000;
/** INBOX_RETENTION_DAYS where nobody sets it. */
const RETENTION_DAYS = 7;

/** Has the group created, and tells how to start a process that works for it. @throws NotDone */
export async function feedNewGroup(options: Options, group: string): Promise<string> {
  const { service, from } = options;
  const created = await post<{ messages: number; oldest?: string }>(options, '/ops/groups', {
    name: group,
    from: from.toISOString(),
  });
  const database = `${service}_${group}`.replaceAll('-', '_');
  const { url, told } = options.url
    ? { url: `postgres://…/${database}`, told: `Make an empty database ${database} for it.` }
    : await freshDatabase(database);
  const days = created.oldest ? Math.ceil((Date.now() - Date.parse(created.oldest)) / DAY_MS) + 1 : 1;
  const variables = [
    `CONSUMER_GROUP=${group}`,
    `DATABASE_URL=${url}`,
    `PORT=${defaultPorts.first + portOffset[service] + 100}`,
    ...(days > RETENTION_DAYS ? [`INBOX_RETENTION_DAYS=${Math.min(days, 365)}`] : []),
  ];
  return [
    `${messages(created.messages)} ${created.messages === 1 ? 'waits' : 'wait'} for the new consumer group ${group}, and all that is stated from now on. ${told}`,
    `Start a process for it, with the other variables that ${service} has (TRANSPORT and the like):`,
    '',
    `  ${variables.join(' ')} npx node dist/apps/${service}/src/main.js`,
    '',
    'Its inbox knows nothing, so every message has its effects again: letters are sent, cards are charged, and what it states reaches the other services.',
    'Nothing ends the group by itself: how to, and what it means for npm run check-invariants, is told in tools/replay/README.md.',
  ].join('\n');
}
