/** What follows from what, as the traces of two stories must tell it: names of `treeOf`, each below its parent. */
type Branch = readonly [name: string, ...below: Branch[]];

const to = (event: string, by: string, ...reactions: Branch[]): Branch => [
  `create ${event} · ${by}`,
  [`publish ${event} · ${by}`],
  ...reactions,
];
const on = (event: string, service: string, ...more: Branch[]): Branch => [`process ${event} · ${service}`, ...more];

const letter: Branch = [
  'process notification.send-email · notification',
  to('notification.sent', 'notification', on('notification.sent', 'order')),
];
const provider: Branch = ['POST · payment'];

const reserved = (...charged: Branch[]) =>
  to(
    'inventory.reserved',
    'inventory',
    on('inventory.reserved', 'order'),
    on('inventory.reserved', 'payment', [
      'process payment.charge · payment',
      provider,
      to('payment.charged', 'payment', on('payment.charged', 'order'), on('payment.charged', 'shipping', ...charged)),
    ]),
  );

const placed = (...reservation: Branch[]): Branch => [
  'POST /orders · order',
  [
    'transaction · order',
    to(
      'order.placed',
      'order',
      on('order.placed', 'inventory', ...reservation),
      on('order.placed', 'payment'),
      on('order.placed', 'shipping'),
      on('order.placed', 'notification', letter),
    ),
  ],
];

export const completed: Branch = placed(
  reserved(
    to(
      'shipment.created',
      'shipping',
      on('shipment.created', 'inventory'),
      on('shipment.created', 'notification', letter),
      on('shipment.created', 'order', to('order.completed', 'order')),
    ),
  ),
);

const undone = to(
  'payment.refunded',
  'payment',
  on('payment.refunded', 'order'),
  on('payment.refunded', 'inventory', to('inventory.released', 'inventory', on('inventory.released', 'order'))),
);

export const undeliverable: Branch = placed(
  reserved(
    to(
      'shipment.rejected',
      'shipping',
      on('shipment.rejected', 'order', to('order.cancelled', 'order', on('order.cancelled', 'notification', letter))),
      on('shipment.rejected', 'payment', ['process payment.refund · payment', provider, undone]),
    ),
  ),
);

/** The lines that `treeOf` gives for a trace of the same shape. */
export function linesOf([name, ...below]: Branch, indent = ''): string[] {
  const branches = below.map((branch) => linesOf(branch, `${indent}  `));
  return [indent + name, ...branches.toSorted((one, other) => (one.join('\n') < other.join('\n') ? -1 : 1)).flat()];
}
