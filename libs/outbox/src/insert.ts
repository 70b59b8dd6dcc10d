import type { Client } from 'pg';
import type { OutgoingMessage } from '#libs/messaging';

const INSERT = `insert into outbox (message_id, topic, type, key, headers, body)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[]) returning id`;

/** Hands the statement that writes messages to the connection at once; resolves to the ids of their rows. */
export async function insert(
  connection: Pick<Client, 'query'>,
  messages: readonly OutgoingMessage[],
): Promise<readonly number[]> {
  const { rows } = await connection.query<{ id: string }>(INSERT, [
    messages.map((message) => message.id),
    messages.map((message) => message.topic),
    messages.map((message) => message.type),
    messages.map((message) => message.key),
    messages.map((message) => JSON.stringify(message.headers)),
    messages.map((message) => message.body),
  ]);
  return rows.map(({ id }) => Number(id));
}
