import type { TestedService } from './index.js';

/** A table in which the reactions of a test leave traces, in their order. */
export class CreateEffect1700000000100 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    await runner.query(
      'create table effect (id bigint generated always as identity, token text, at timestamptz default clock_timestamp())',
    );
  }
  async down() {}
}

/** What the reactions left, in the order in which they did. */
export async function effectsOf(service: TestedService): Promise<string[]> {
  return (await service.query<{ token: string }>('select token from effect order by id')).map(({ token }) => token);
}
