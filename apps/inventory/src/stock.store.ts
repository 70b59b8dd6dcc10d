import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  InventoryRejected,
  InventoryReleased,
  InventoryReserved,
  type DataOf,
  type Line,
  type OrderPlaced,
} from '#libs/contracts';
import { goodsIn, missingOf, type Ending, type Level } from './stock.js';

/**
 * A batch changes many products in one transaction, in the order its orders came: two batches at once would deadlock.
 * So whoever changes reservations takes this lock before any row, and holds it to the end of the transaction.
 */
const ALONE = 'alone as materialized (select pg_advisory_xact_lock(7205010))';

/** Levels are read as they are once the lock is had, which is later than the statement begins: hence `for update`. */
const RESERVE = `
  with ${ALONE},
  goods as (select sku, quantity from jsonb_to_recordset($2::jsonb) as goods(sku text, quantity bigint)),
  level as materialized (
    select sku, on_hand, reserved from alone, stock where sku in (select sku from goods) for update of stock
  ),
  known as (
    insert into reservation as known (order_id, goods, rejected)
    select $1::uuid, $2::jsonb, exists (
      select from goods left join level using (sku) where quantity > coalesce(on_hand - reserved, 0)
    ) from alone
    on conflict (order_id) do update set goods = excluded.goods, rejected = excluded.rejected where known.goods is null
    returning rejected, ending
  ),
  taken as (
    update stock set
      reserved = stock.reserved + case when ending is null then quantity else 0 end,
      on_hand = stock.on_hand - case when ending = 'shipped' then quantity else 0 end
    from goods, known where stock.sku = goods.sku and not rejected and ending is distinct from 'released'
  )
  select rejected, ending,
    (select jsonb_agg(jsonb_build_object('sku', sku, 'onHand', on_hand, 'reserved', reserved)) from level) as levels
  from known`;

const END = `
  with ${ALONE},
  ended as (
    insert into reservation as known (order_id, ending) select $1::uuid, $2::text from alone
    on conflict (order_id) do update set ending = excluded.ending where known.ending is null
    returning goods, rejected
  ),
  moved as (
    update stock set
      reserved = stock.reserved - quantity,
      on_hand = stock.on_hand - case when $2::text = 'shipped' then quantity else 0 end
    from ended, jsonb_to_recordset(ended.goods) as goods(sku text, quantity bigint)
    where stock.sku = goods.sku and not rejected
  )
  select goods from ended where goods is not null and not rejected`;

const LEVEL = 'sku, on_hand as "onHand", reserved';

/** What is on the shelves and what is promised. One row of `reservation` per order, begun by whichever fact came first; each reaction is one statement. */
@Injectable()
export class Stock {
  /** Reserves all the lines or none. What ended the reservation before it was made takes effect at once. */
  async reserve({ orderId, lines }: DataOf<typeof OrderPlaced>, tx: EntityManager) {
    const goods = goodsIn(lines);
    const [known]: { rejected: boolean; ending: Ending | null; levels: Level[] | null }[] = await tx.query(RESERVE, [
      orderId,
      JSON.stringify(goods),
    ]);
    if (!known) return [];
    if (known.rejected) return [InventoryRejected({ orderId, missing: missingOf(goods, known.levels ?? []) })];
    const reserved = InventoryReserved({ orderId, lines: goods });
    return known.ending === 'released' ? [reserved, InventoryReleased({ orderId, lines: goods })] : [reserved];
  }

  /** Gives back what is reserved for an order; before it is reserved, notes that it is not wanted. */
  async release(orderId: string, tx: EntityManager) {
    const lines = await this.end(orderId, 'released', tx);
    return lines ? [InventoryReleased({ orderId, lines })] : [];
  }

  /** What was reserved for an order has left the house. */
  async ship(orderId: string, tx: EntityManager): Promise<void> {
    await this.end(orderId, 'shipped', tx);
  }

  /** Every product, by sku. */
  all(tx: EntityManager): Promise<Level[]> {
    return tx.query(`select ${LEVEL} from stock order by sku`);
  }

  async find(sku: string, tx: EntityManager): Promise<Level | undefined> {
    const [level]: Level[] = await tx.query(`select ${LEVEL} from stock where sku = $1`, [sku]);
    return level;
  }

  /** Sets what a count of the shelves found; undefined, and nothing changed, when more than that is reserved. */
  async count(sku: string, onHand: number, tx: EntityManager): Promise<Level | undefined> {
    const [level]: Level[] = await tx.query(
      `insert into stock (sku, on_hand) values ($1, $2)
       on conflict (sku) do update set on_hand = excluded.on_hand where stock.reserved <= excluded.on_hand
       returning ${LEVEL}`,
      [sku, onHand],
    );
    return level;
  }

  /** The first ending of an order moves what is reserved for it; resolves with these goods, if any. */
  private async end(orderId: string, ending: Ending, tx: EntityManager): Promise<Line[] | undefined> {
    const [moved]: { goods: Line[] }[] = await tx.query(END, [orderId, ending]);
    return moved?.goods;
  }
}
