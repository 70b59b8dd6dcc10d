import type { OutgoingMessage } from '#libs/messaging';

/** Writes messages; returns the `id` of each one's row. */
export const INSERT = `insert into outbox (message_id, topic, type, key, headers, body)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[]) returning id`;

/** The parameters of `INSERT`. */
export function valuesOf(messages: readonly OutgoingMessage[]): unknown[] {
  return [
    messages.map((message) => message.id),
    messages.map((message) => message.topic),
    messages.map((message) => message.type),
    messages.map((message) => message.key),
    messages.map((message) => JSON.stringify(message.headers)),
    messages.map((message) => message.body),
  ];
}
