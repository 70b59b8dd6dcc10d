import colors from 'picocolors';
import type { Options } from './options.js';
import { anOrder, type Order, Orders } from './orders.js';
import { durationOf, isThisMachine, untilSettled } from './settled.js';

const lookEveryMs = 12;

/** Places one order and prints what becomes of it, line by line. Resolves to whether it was settled in time. */
export async function tellStory(options: Options, print: (line: string) => void): Promise<boolean> {
  const timeoutMs = options.timeout * 1000;
  const orders = new Orders(options.url, timeoutMs);
  try {
    const placed = await orders.place(anOrder(options));
    print(`${colors.bold('order')} ${placed.orderId}  ${describe(options, placed.totalCents)}`);
    const trace = placed.links?.trace ?? placed.traceId;
    print(trace ? `${colors.bold('trace')} ${trace}\n` : '');
    const told = new Set<string>();
    const settled = await untilSettled(orders, placed, {
      firstLookMs: 0,
      pauseMs: lookEveryMs,
      timeoutMs,
      onLook: (order) => unseen(order, told).forEach((line) => print(line)),
    });
    if (!settled) {
      print(colors.red(`\nnot settled within ${options.timeout} s; look at ${options.url}/orders/${placed.orderId}`));
      return false;
    }
    const tookMs = Math.round(durationOf(settled, placed, isThisMachine(options.url)));
    const end = settled.reason ? `${settled.status}: ${settled.reason}` : settled.status;
    print(`\n${(settled.reason ? colors.yellow : colors.green)(end)}, settled ${tookMs} ms after it was sent`);
    return true;
  } finally {
    orders.close();
  }
}

/** The events that were not printed yet, each as a line: milliseconds since the order was placed, service, event. */
function unseen(order: Order, told: Set<string>): string[] {
  const lines: string[] = [];
  for (const { type, service, time } of order.history.toSorted((a, b) => a.time.localeCompare(b.time))) {
    const key = `${service} ${type} ${time}`;
    if (told.has(key)) continue;
    told.add(key);
    const elapsed = Math.max(0, Date.parse(time) - Date.parse(order.placedAt));
    lines.push(`${colors.dim(`${String(elapsed).padStart(6)} ms`)}  ${service.padEnd(12)}  ${colors.cyan(type)}`);
  }
  return lines;
}

function describe({ quantity, sku, token, country }: Options, totalCents: number): string {
  return `${quantity} × ${sku.join('/')}, ${(totalCents / 100).toFixed(2)}, ${token.join('/')}, to ${country.join('/')}`;
}
