import { getPage } from './reach.js';

interface Charge {
  readonly orderId: string;
  readonly status: 'charged' | 'declined';
  readonly amountCents: number;
  readonly refunds: readonly { readonly amountCents: number }[];
}

interface Page {
  readonly charges: readonly Charge[];
  readonly nextCursor?: number;
}

/** The payment provider's own books: every charge it was asked for and what came of it. */
export async function chargesByOrder(providerUrl: string): Promise<ReadonlyMap<string, readonly Charge[]>> {
  const charges: Charge[] = [];
  for (let cursor: number | undefined = 0; cursor !== undefined;) {
    const url = `${providerUrl}/charges?limit=1000&cursor=${cursor}`;
    const page: Page = await getPage(url, 'charges', 'the payment provider', '--provider-url');
    charges.push(...page.charges);
    cursor = page.nextCursor;
  }
  return Map.groupBy(charges, ({ orderId }) => orderId);
}
