import { Module, type Type } from '@nestjs/common';
import { REACTIONS, type ReactionsInfo } from '#libs/messaging';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { Service } from '../src/index.js';
import { startForTest, type TestedService } from './index.js';

/** A table in which the reactions of a test leave traces, in their order. */
export class CreateEffect1700000000100 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    await runner.query(
      'create table effect (id bigint generated always as identity, token text, at timestamptz default clock_timestamp())',
    );
  }
  async down() {}
}

/** Starts a service of these reactions, with that table, on a database of its own, which goes when the service is closed. */
export async function startWithEffects(reactions: Type, { perKey = false } = {}): Promise<TestedService> {
  const { service: name } = Reflect.getMetadata(REACTIONS, reactions) as ReactionsInfo;

  @Service({ name, title: 'Probe', port: 0, perKey, migrations: [CreateEffect1700000000100] })
  @Module({ controllers: [reactions] })
  class ProbeModule {}

  const { url, drop } = await freshDatabase();
  const service = await startForTest(ProbeModule, { url });
  const close = async () => {
    await service.close();
    await drop();
  };
  return { ...service, close };
}

/** What the reactions left, in the order in which they did. */
export async function effectsOf(service: TestedService): Promise<string[]> {
  return (await service.query<{ token: string }>('select token from effect order by id')).map(({ token }) => token);
}
