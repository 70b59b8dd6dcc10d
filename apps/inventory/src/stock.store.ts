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
import { send } from '#libs/outbox';
import { goodsIn, missingOf, type Ending, type Level } from './stock.js';

/**
 * A batch changes many products in one transaction, in the order its orders came: two batches at once would deadlock.
 * So whoever changes reservations takes this lock before any row, and holds it to the end of the transaction.
 */
const ALONE = '(select pg_advisory_xact_lock(7205010)) as alone';

/** Notes how an order ended; no row where that was known. */
const END = `insert into reservation as known (order_id, ending) select $1::uuid, $2 from ${ALONE}
  on conflict (order_id) do update set ending = excluded.ending where known.ending is null
  returning goods, rejected`;

const HAND_OVER = 'update stock set reserved = reserved - quantity, on_hand = on_hand - quantity';

const LEVEL = 'sku, on_hand as "onHand", reserved';

type Written<Row> = [rows: Row[], count: number];

/** What is on the shelves and what is promised. One row of `reservation` per order, begun by whichever fact came first. */
@Injectable()
export class Stock {
  /** Reserves all the lines or none. What ended the reservation before it was made takes effect at once. */
  async reserve({ orderId, lines }: DataOf<typeof OrderPlaced>, tx: EntityManager) {
    const goods = goodsIn(lines);
    // Sent together, the one with the lock first, since all others wait for it until the answers are here.
    const [known, taken] = await Promise.all([this.begin(orderId, goods, tx), this.take(goods, tx)]);
    if (!known) {
      await this.putBack(taken, tx);
      return [];
    }
    if (taken.length < goods.length) {
      await this.putBack(taken, tx);
      await send(tx, 'update reservation set rejected = true where order_id = $1', [orderId]);
      const refused = goods.filter((line) => !taken.includes(line));
      const missing = missingOf(refused, await this.levelsOf(refused, tx));
      return [InventoryRejected({ orderId, missing })];
    }
    const reserved = InventoryReserved({ orderId, lines: goods });
    if (known.ending === null) return [reserved];
    if (known.ending === 'shipped') {
      await this.handOver(goods, tx);
      return [reserved];
    }
    await this.putBack(goods, tx);
    return [reserved, InventoryReleased({ orderId, lines: goods })];
  }

  /** Gives back what is reserved for an order; before it is reserved, notes that it is not wanted. */
  async release(orderId: string, tx: EntityManager) {
    const ending: Ending = 'released';
    const [known]: { goods: Line[] | null; rejected: boolean }[] = await tx.query(END, [orderId, ending]);
    if (!known?.goods || known.rejected) return [];
    await this.putBack(known.goods, tx);
    return [InventoryReleased({ orderId, lines: known.goods })];
  }

  /** What was reserved for an order has left the house. */
  async ship(orderId: string, tx: EntityManager): Promise<void> {
    const ending: Ending = 'shipped';
    await send(
      tx,
      `with ended as (${END})
       ${HAND_OVER} from ended, jsonb_to_recordset(goods) as line(sku text, quantity bigint)
       where not rejected and stock.sku = line.sku`,
      [orderId, ending],
    );
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

  /** Notes what an order wants; undefined where that was known. */
  private async begin(orderId: string, goods: readonly Line[], tx: EntityManager) {
    const [known]: { ending: Ending | null }[] = await tx.query(
      `insert into reservation as known (order_id, goods) select $1::uuid, $2::jsonb from ${ALONE}
       on conflict (order_id) do update set goods = excluded.goods where known.goods is null
       returning ending`,
      [orderId, JSON.stringify(goods)],
    );
    return known;
  }

  /** Reserves each of the goods of which there is enough; resolves with these. */
  private async take(goods: readonly Line[], tx: EntityManager): Promise<Line[]> {
    const [taken]: Written<{ sku: string }> = await tx.query(
      `update stock set reserved = reserved + quantity from ${GOODS}
       where stock.sku = goods.sku and on_hand - reserved >= quantity
       returning stock.sku`,
      columns(goods),
    );
    const skus = new Set(taken.map(({ sku }) => sku));
    return goods.filter(({ sku }) => skus.has(sku));
  }

  private async putBack(goods: readonly Line[], tx: EntityManager): Promise<void> {
    if (goods.length === 0) return;
    await send(
      tx,
      `update stock set reserved = reserved - quantity from ${GOODS} where stock.sku = goods.sku`,
      columns(goods),
    );
  }

  private async handOver(goods: readonly Line[], tx: EntityManager): Promise<void> {
    await send(tx, `${HAND_OVER} from ${GOODS} where stock.sku = goods.sku`, columns(goods));
  }

  private levelsOf(goods: readonly Line[], tx: EntityManager): Promise<Level[]> {
    return tx.query(`select ${LEVEL} from stock where sku = any($1::text[])`, [goods.map(({ sku }) => sku)]);
  }
}

/** The parameters of `columns` as a table. */
const GOODS = 'unnest($1::text[], $2::bigint[]) as goods(sku, quantity)';

function columns(goods: readonly Line[]): [string[], number[]] {
  return [goods.map(({ sku }) => sku), goods.map(({ quantity }) => quantity)];
}
