import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';
import { dashboardQueries, namesIn, pages, rules } from '../tools/observability/files.js';
import { services } from '../tools/platform/apps.js';
import { afterTests } from './after-tests.js';
import { startPrometheus, type Prometheus } from './metrics/prometheus.js';
import { embeddedPostgres } from './stores.js';
import { World } from './world.js';

/** Counted from the first time it happens on, which it does not here. */
const RARE = new Set(['farandole_redelivered_messages_total', 'farandole_dead_letters_replayed_total']);

const queries = [
  ...rules().map(({ alert, record, expr }) => ({ where: alert ?? record ?? '', expr })),
  ...dashboardQueries(),
  ...pages().map(({ page, text }) => ({ where: page, expr: text })),
];

/** One world for both: what the services tell, and what Prometheus makes of it. */
let world: World;

beforeAll(async () => {
  // On all addresses: Prometheus comes from a container.
  world = await World.start(await embeddedPostgres(), { env: { HOST: '0.0.0.0' } });
  await world.placeMany(20, (n) => [{}, { country: 'AQ' }, { token: 'tok_flaky' }, { sku: 'sold-out' }][n % 4]!, 5);
  await world.untilAllSettled();
});
afterTests((failed) => world?.stop(failed));

const metricsOf = async (service: (typeof services)[number]) =>
  (await fetch(`${world.platform.url(service)}/metrics`)).text();

describe('the metrics of the services', () => {
  it('have every name that rules, dashboards and pages ask for', async () => {
    const text = (await Promise.all(services.map(metricsOf))).join('\n');
    const recorded = rules().map(({ record }) => record);
    const known = new Set([...recorded, ...RARE, ...(text.match(/^[a-z_0-9]+(?=[{ ])/gm) ?? []), ...labelsIn(text)]);
    const unknown = queries.flatMap(({ where, expr }) =>
      namesIn(expr).flatMap((name) => (known.has(name) || known.has(`${name}_bucket`) ? [] : [`${where}: ${name}`])),
    );
    expect(unknown).toEqual([]);
  });

  it('tell each reason to turn orders away before there is one, so that the first is seen as an increase', async () => {
    const shed = [...(await metricsOf('order')).matchAll(/^farandole_requests_shed_total\{reason="(.*)"\} 0$/gm)];
    expect(new Set(shed.map(([, reason]) => reason))).toEqual(
      new Set(['outbox_age', 'outbox_depth', 'requests', 'unsettled']),
    );
  });

  it('have labels of few values: no ids, no addresses', async () => {
    for (const service of services) {
      const text = await metricsOf(service);
      const lines = text.split('\n').filter((line) => line && !line.startsWith('#') && !line.startsWith('target_info'));
      expect(
        lines.filter((line) => /[0-9a-f]{8}-[0-9a-f]{4}-|@/.test(line)),
        service,
      ).toEqual([]);
      expect(lines.length, service).toBeLessThan(600);
    }
  });
});

await describeWithDocker('Prometheus', () => {
  let prometheus: Prometheus;

  beforeAll(async () => {
    prometheus = await startPrometheus(services.map((service) => [service, world.platform.url(service)]));
  });
  afterAll(() => prometheus?.stop());

  it('scrapes all services', async () => {
    const answering = async () => (await prometheus.ask('sum(up{job="farandole"})'))[0]?.value[1];
    await expect.poll(answering, { timeout: 60_000, interval: 500 }).toBe(String(services.length));
  });

  it('answers every query of the dashboards, with data but where nothing is the good news', async () => {
    const nothing = /\bALERTS\b|offset|_redelivered_|_dead_letters|outcome="(duplicate|postponed)"/;
    for (const { where, expr } of dashboardQueries()) {
      const answer = () => prometheus.ask(expr);
      if (nothing.test(expr)) await answer();
      else
        await expect.poll(async () => (await answer()).length, { timeout: 60_000, message: where }).toBeGreaterThan(0);
    }
  });

  it('has no alert fire on a system that is well', async () => {
    const alerts = rules().flatMap(({ alert }) => alert ?? []);
    expect((await prometheus.loadedAlerts()).toSorted()).toEqual(alerts.toSorted());
    expect(await prometheus.ask('ALERTS{alertstate="firing"}')).toEqual([]);
  });
});

function labelsIn(text: string): string[] {
  return [...text.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label!);
}
