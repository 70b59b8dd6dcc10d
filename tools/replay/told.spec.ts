import { expect, it } from 'vitest';
import { tell } from './told.js';

const nothing = { stored: 0, fresh: 0, handled: 0, tooOld: 0, setAside: 0 };

it('says that handled messages have no effect, and how to have one nevertheless', () => {
  const told = tell('notification', [{ ...nothing, type: 'order.placed', stored: 12, handled: 12 }], true);
  expect(told).toMatchInlineSnapshot(`
    "  type          stored  to be handed over  handled already
      order.placed      12                  0               12

    Nothing would be handed over.
    The inbox of notification knows 12 messages already: handed over again, they have no effect. To have all of them handled anew, feed a fresh consumer group: --as-new NAME."
  `);
});

it('tells what was handed over, what is too old and what cannot be read', () => {
  const placed = { type: 'order.placed', stored: 5, fresh: 1, handled: 1, tooOld: 2, setAside: 1 };
  expect(tell('notification', [placed, { ...nothing, type: 'shipment.created' }], false)).toMatchInlineSnapshot(`
    "  type              stored  handed over  handled already  too old  set aside
      order.placed           5            1                1        2          1
      shipment.created       0            0                0        0          0

    1 message was handed to notification.
    The inbox of notification knows 1 message already: handed over again, they have no effect. To have all of them handled anew, feed a fresh consumer group: --as-new NAME.
    2 messages cannot be handed over: older than what the inbox remembers (INBOX_RETENTION_DAYS), so that nobody can tell whether they were handled.
    1 message cannot be read by notification: see its dead letters."
  `);
});

it('says when there is nothing', () => {
  expect(tell('payment', [], false)).toBe('The store has nothing for payment from that time on.');
});
