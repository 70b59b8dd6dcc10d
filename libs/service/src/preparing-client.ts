import { createHash } from 'node:crypto';
import { Client } from 'pg';

const names = new Map<string, string>();

/**
 * Has the server parse and plan each statement with parameters once per connection. So the texts must be few, with no values in them,
 * and name their columns: what `select *` was prepared for is refused once a migration has added a column.
 */
export class PreparingClient extends Client {
  override query(...args: unknown[]): never {
    const [text, values, ...rest] = args;
    const prepared = typeof text === 'string' && Array.isArray(values) && values.length > 0;
    const given = prepared ? [{ name: nameOf(text), text, values }, ...rest] : args;
    return (super.query as (...all: unknown[]) => never).apply(this, given);
  }
}

function nameOf(text: string): string {
  let name = names.get(text);
  if (!name) names.set(text, (name = createHash('sha256').update(text).digest('base64url').slice(0, 22)));
  return name;
}
