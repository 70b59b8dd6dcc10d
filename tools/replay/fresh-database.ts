import { defaultPorts } from '../platform/apps.js';
import { urlOf, withClient } from '../postgres/connect.js';

/** Makes an empty database on the PostgreSQL of `npm start`; tells its url and what to know about it. */
export async function freshDatabase(name: string): Promise<{ readonly url: string; readonly told: string }> {
  const url = urlOf(defaultPorts.postgres, name);
  try {
    await withClient(urlOf(defaultPorts.postgres), (client) => client.query(`create database "${name}"`));
    return { url, told: `The empty database ${name} was made for it.` };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === '42P04') return { url, told: `There is a database ${name} already: it must be empty.` };
    return { url, told: `Make an empty database ${name} for it (it could not be made here: ${message || code}).` };
  }
}
