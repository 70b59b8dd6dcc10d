import type { ProfileFound } from '../experiments/profile.js';

/** A profile as text, for whoever tunes. */
export function tellProfile({ hops, perSecond, cost, statements, functions }: ProfileFound): string {
  const { cpu } = cost;
  const services = Object.entries(cpu.services).map(([name, us]) => `${name} ${us.toFixed(0)}`);
  return [
    '# One order at a time: milliseconds from sending the request (medians)',
    ...hops.map(({ service, what, afterMs }) => `${afterMs.toFixed(1).padStart(8)}  ${service.padEnd(14)} ${what}`),
    '',
    `# Under load: ${perSecond.toFixed(0)} orders a second, ${cost.orders} orders`,
    `CPU µs per order: ${services.join(', ')}, provider ${cpu.provider.toFixed(0)}, postgres ${cpu.postgres.toFixed(0)}, broker ${cpu.broker.toFixed(0)}, bench ${cpu.bench.toFixed(0)}`,
    `per order: ${cost.writeTransactions.toFixed(1)} write transactions, ${cost.walSyncs.toFixed(2)} WAL syncs, ${cost.statements.toFixed(0)} statements, ${cost.walBytes.toFixed(0)} bytes of WAL`,
    '',
    '# Statements, by time in PostgreSQL: µs per order, calls per order, rows per order',
    ...statements.map(
      ({ usPerOrder, calls, rows, database, query }) =>
        `${usPerOrder.toFixed(0).padStart(7)} ${calls.toFixed(2).padStart(7)} ${rows.toFixed(2).padStart(7)}  ${database}: ${query.replaceAll(/\s+/g, ' ').slice(0, 110)}`,
    ),
    ...Object.entries(functions).flatMap(([service, hot]) => [
      '',
      `# ${service}: % of its busy time`,
      ...hot.map(({ what, percent }) => `${percent.toFixed(1).padStart(6)}  ${what}`),
    ]),
  ].join('\n');
}
