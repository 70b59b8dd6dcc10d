import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';

interface Configured {
  readonly image: string;
  readonly build?: object;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly host_ip?: string; readonly published?: string; readonly target: number }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly read_only?: boolean }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required: boolean }>>;
}

const own = ['order', 'inventory', 'payment', 'shipping', 'notification', 'payment-provider'];
const besides = ['postgres', 'jaeger', 'mailpit'];

function configured(transport?: string, variables?: NodeJS.ProcessEnv): Record<string, Configured> {
  const { TRANSPORT: _, COMPOSE_PROFILES: __, ...environment } = process.env;
  const json = execFileSync('docker', ['compose', 'config', '--format', 'json'], {
    env: { ...environment, ...(transport ? { TRANSPORT: transport } : {}), ...variables },
    encoding: 'utf8',
  });
  return (JSON.parse(json) as { services: Record<string, Configured> }).services;
}

await describeWithDocker('docker compose', () => {
  it('starts the broker of the transport and no other, RabbitMQ unless told otherwise', () => {
    const brokers = { rabbitmq: ['rabbitmq'], kafka: ['kafka'], postgres: [] };
    for (const [transport, broker] of Object.entries(brokers)) {
      const services = configured(transport);
      expect(Object.keys(services).toSorted()).toEqual([...own, ...besides, ...broker].toSorted());
      expect(services['order']?.environment).toMatchObject({ TRANSPORT: transport });
    }
    expect(Object.keys(configured())).toContain('rabbitmq');
  });

  it('publishes events, unless told not to while the transport is switched', () => {
    const [usually, switching] = [configured('rabbitmq'), configured('rabbitmq', { PUBLISH: 'false' })];
    for (const name of own.filter((one) => one !== 'payment-provider')) {
      expect(usually[name]?.environment, name).toMatchObject({ PUBLISH: 'true' });
      expect(switching[name]?.environment, name).toMatchObject({ PUBLISH: 'false' });
    }
  });

  it('makes everything wait for what it needs, and knows when each is ready', () => {
    for (const transport of ['rabbitmq', 'kafka']) {
      const services = configured(transport);
      for (const [name, { healthcheck, restart }] of Object.entries(services)) {
        expect(healthcheck?.test, name).toBeDefined();
        expect(restart, name).toBe('unless-stopped');
      }
      for (const name of own.filter((one) => one !== 'payment-provider')) {
        const needs = services[name]?.depends_on;
        expect(needs?.['postgres'], name).toMatchObject({ condition: 'service_healthy', required: true });
        expect(needs?.[transport], name).toMatchObject({ condition: 'service_healthy', required: false });
      }
    }
  });

  it('publishes ports on this machine only, and fixed ones only where nothing is scaled', () => {
    for (const [name, { ports = [] }] of Object.entries({ ...configured('rabbitmq'), ...configured('kafka') })) {
      for (const port of ports) expect(port.host_ip, name).toBe('127.0.0.1');
      const fixed = ports.some(({ published }) => published !== undefined);
      expect(fixed, name).toBe(['order', 'jaeger', 'mailpit', 'rabbitmq'].includes(name));
    }
  });

  it('gives our own processes nothing to write to but memory and named volumes, and no capabilities', () => {
    const services = configured('rabbitmq');
    for (const name of own) {
      expect(services[name], name).toMatchObject({ image: 'farandole:dev', read_only: true, cap_drop: ['ALL'] });
      expect((services[name]?.volumes ?? []).map(({ type }) => type).filter((type) => type !== 'volume')).toEqual([]);
    }
  });

  it('keeps data in named volumes, and mounts files of the repository read-only', () => {
    for (const [name, { volumes = [] }] of Object.entries({ ...configured('rabbitmq'), ...configured('kafka') })) {
      for (const volume of volumes) expect(volume.type === 'volume' || volume.read_only, name).toBe(true);
    }
  });

  it('gives each service a database and a role of its own', () => {
    const services = configured('rabbitmq');
    for (const name of own.filter((one) => one !== 'payment-provider')) {
      const { username, pathname } = new URL(services[name]?.environment?.['DATABASE_URL'] ?? '');
      expect([username, pathname]).toEqual([name, `/${name}`]);
    }
  });
});
