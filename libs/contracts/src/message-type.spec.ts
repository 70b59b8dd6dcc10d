import { expect, it } from 'vitest';
import { InventoryRejected } from './events.js';
import { MalformedMessage } from './message-type.js';

const orderId = '0199c5a0-0000-7000-8000-000000000000';

it('states what fits its type, and nothing that a reader would have to refuse', () => {
  const missing = [{ sku: 'mug-blue', quantity: 2, available: 1 }];
  expect(InventoryRejected({ orderId, missing })).toEqual({ of: InventoryRejected, data: { orderId, missing } });
  expect(() => InventoryRejected({ orderId, missing: [] })).toThrow(MalformedMessage);
  expect(() => InventoryRejected({ orderId, missing: [] })).toThrow(/inventory\.rejected v1: .*missing/s);
});
