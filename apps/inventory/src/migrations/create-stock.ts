import type { MigrationInterface, QueryRunner } from 'typeorm';
import { initialStock } from './initial-stock.js';

export class CreateStock1700000000300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table stock (
        sku text primary key,
        on_hand integer not null,
        reserved integer not null default 0,
        check (reserved between 0 and on_hand)
      ) with (fillfactor = 20)`);
    await runner.query(`
      create table reservation (
        order_id uuid primary key,
        goods jsonb,
        rejected boolean not null default false,
        ending text check (ending in ('released', 'shipped'))
      ) with (fillfactor = 70)`);
    await runner.query('insert into stock (sku, on_hand) select key, value::int from json_each_text($1)', [
      JSON.stringify(initialStock),
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table reservation, stock');
  }
}
