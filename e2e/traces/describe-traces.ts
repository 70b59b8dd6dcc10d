import { beforeAll, describe, expect, it } from 'vitest';
import { services } from '../../tools/platform/apps.js';
import { gather } from '../../tools/story/gather.js';
import type { Addresses } from '../../tools/story/options.js';
import { growTree } from '../../tools/story/tree.js';
import { afterTests } from '../after-tests.js';
import type { Store } from '../stores.js';
import { World, type OrderRequest } from '../world.js';
import { completed, linesOf, undeliverable } from './choreographies.js';
import { deviations } from './conventions.js';
import type { Span, TraceStore } from './span.js';
import { messagesIn, messagesOf } from './story-of.js';
import { treeOf, withoutRepeats } from './tree.js';

const PATIENCE = { timeout: 60_000, interval: 250 };

/** One order is one trace, on any store and in any backend of traces. */
export function describeTraces(
  name: string,
  startStore: () => Promise<Store>,
  startTraceStore: () => Promise<TraceStore>,
): void {
  describe(`traces of orders on ${name}`, () => {
    let store: Store;
    let traces: TraceStore;
    let world: World;

    beforeAll(async () => {
      [store, traces] = await Promise.all([startStore(), startTraceStore()]);
      world = await World.start(store, { env: { ...traces.env } });
    });

    afterTests(async (failed) => {
      await world?.stop(failed);
      await traces?.stop();
      await store?.stop();
    });

    /** Places an order; resolves with the id of its trace once the order is settled. */
    const traceOf = async (request: OrderRequest) => {
      const orderId = await world.place(request);
      await world.until(orderId, 'settled');
      const { traceId } = await world.get<{ traceId: string }>('order', `/orders/${orderId}`);
      return { orderId, traceId };
    };
    const tree = async (traceId: string) => treeOf(withoutRepeats(await traces.spansOf(traceId)));
    const failuresIn = (spans: readonly Span[]) => spans.filter(({ failed }) => failed).map(({ name: of }) => of);

    it('tell a completed order as the choreography does, with no broken parent', async () => {
      const { traceId } = await traceOf({});
      await expect.poll(() => tree(traceId), PATIENCE).toEqual(linesOf(completed));
      const spans = await traces.spansOf(traceId);
      expect(spans.flatMap(deviations)).toEqual([]);
      expect(failuresIn(withoutRepeats(spans))).toEqual([]);
    });

    it('tell what is undone when nobody delivers there', async () => {
      const { traceId } = await traceOf({ country: 'AQ' });
      await expect.poll(() => tree(traceId), PATIENCE).toEqual(linesOf(undeliverable));
      expect((await traces.spansOf(traceId)).flatMap(deviations)).toEqual([]);
    });

    it('show each try of a command, and why it failed', async () => {
      const { traceId } = await traceOf({ token: 'tok_flaky' });
      const charges = async () => {
        const spans = (await traces.spansOf(traceId)).filter(({ name: of }) => of === 'process payment.charge');
        return spans
          .map(({ attributes, exceptions }) => [
            Number(attributes['farandole.attempt']),
            attributes['error.type'],
            exceptions,
          ])
          .toSorted(([one], [other]) => Number(one) - Number(other));
      };
      await expect.poll(charges, PATIENCE).toEqual([
        [1, 'ProviderUnavailable', ['ProviderUnavailable']],
        [2, 'ProviderUnavailable', ['ProviderUnavailable']],
        [3, undefined, []],
      ]);
      const spans = await traces.spansOf(traceId);
      expect(spans.flatMap(deviations)).toEqual([]);
      expect(failuresIn(spans).filter((of) => of === 'POST')).toHaveLength(2);
    });

    it('say the same as the story that the services tell', async () => {
      const { orderId } = await traceOf({ country: 'AQ' });
      const letters = async () =>
        (await world.order(orderId)).history.filter(({ type }) => type === 'notification.sent').length;
      await expect.poll(letters, PATIENCE).toBe(2);
      const addresses = Object.fromEntries(services.map((service) => [service, world.platform.url(service)]));
      const { order, handlings, silent } = await gather(orderId, addresses as Addresses);
      expect(silent).toEqual([]);
      const roots = growTree(order.history, handlings);
      expect(roots).toHaveLength(1);
      expect(messagesOf(roots)).toEqual(messagesIn(linesOf(undeliverable)));
    });

    it('are found by the id of the order', async () => {
      const { orderId, traceId } = await traceOf({ sku: 'sold-out' });
      await expect.poll(() => traces.tracesAbout(orderId), PATIENCE).toEqual([traceId]);
    });
  });
}
