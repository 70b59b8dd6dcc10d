/* Given to a service by NODE_OPTIONS=--import: shipping then dies of each order to the city "Poison", as of running out of memory. */
import { pathToFileURL } from 'node:url';

interface Placed {
  readonly shippingAddress: { readonly city: string };
}
type Remember = (order: Placed, ...rest: unknown[]) => Promise<unknown>;

const store = pathToFileURL('dist/apps/shipping/src/shipping.store.js').href;
const { Shipments } = (await import(store)) as { Shipments: { prototype: { remember: Remember } } };
const { remember } = Shipments.prototype;
Shipments.prototype.remember = function (order, ...rest) {
  if (order.shippingAddress.city === 'Poison') process.abort();
  return remember.call(this, order, ...rest);
};
