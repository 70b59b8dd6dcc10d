/* Given to a service by NODE_OPTIONS=--import: payment then dies of each charge to the token "tok_poison". */
import { pathToFileURL } from 'node:url';

type Charge = (charge: { readonly paymentToken: string }) => Promise<unknown>;

const entry = pathToFileURL('dist/apps/payment/src/provider.js').href;
const { Provider } = (await import(entry)) as { Provider: { prototype: { charge: Charge } } };
const { charge } = Provider.prototype;
Provider.prototype.charge = function (asked) {
  if (asked.paymentToken === 'tok_poison') process.abort();
  return charge.call(this, asked);
};
