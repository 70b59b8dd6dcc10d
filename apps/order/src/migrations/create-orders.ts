import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateOrders1700000000400 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table orders (
        id uuid primary key,
        status text not null default 'placed'
          check (status in ('placed', 'reserved', 'paid', 'completed', 'cancelled')),
        reason text,
        placed_at timestamptz not null,
        settled_at timestamptz,
        total_cents bigint not null,
        correlation_id text not null,
        trace_id text,
        customer jsonb not null,
        lines jsonb not null,
        shipping_address jsonb not null,
        history jsonb not null,
        idempotency_key text,
        fingerprint bytea,
        check ((status = 'cancelled') = (reason is not null)),
        check ((idempotency_key is null) = (fingerprint is null))
      ) with (fillfactor = 50)`);
    await runner.query(
      'create unique index orders_idempotency_key on orders (idempotency_key) where idempotency_key is not null',
    );
    await runner.query('create index orders_by_status on orders (status, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table orders');
  }
}
