import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parse } from 'yaml';
import { beforeAll, expect, it } from 'vitest';
import { definitionOf } from '../libs/service/src/definition.js';
import { readSettings } from '../libs/service/src/settings.js';
import { InventoryModule } from '../apps/inventory/src/inventory.module.js';
import { NotificationModule } from '../apps/notification/src/notification.module.js';
import { OrderModule } from '../apps/order/src/order.module.js';
import { Settings as ProviderSettings } from '../apps/payment-provider/src/settings.js';
import { PaymentModule } from '../apps/payment/src/payment.module.js';
import { ShippingModule } from '../apps/shipping/src/shipping.module.js';
import { choreography } from '#libs/contracts';
import { describeWithDocker } from '../tools/docker/available.js';
import { renderAll, variants, type Variant } from './checks/render.js';
import { environmentOf, ofKind, services, workloads, type Resource } from './checks/resource.js';

const definitions = [OrderModule, InventoryModule, PaymentModule, ShippingModule, NotificationModule].map(definitionOf);
const text = (path: string) => readFileSync(path, 'utf8');
const compose = parse(text('docker-compose.yml'), { merge: true }) as {
  services: Record<string, { image: string; environment: Record<string, string> }>;
};
const definitionNamed = (name: string) => definitions.find((definition) => definition.name === name)!;

await describeWithDocker('Kubernetes: what code, compose and cluster agree on', () => {
  let rendered: Record<Variant, Resource[]>;
  beforeAll(async () => {
    rendered = await renderAll();
  });

  it('runs each service on the port of its definition', () => {
    for (const variant of variants) {
      const found = services(rendered[variant]).map(({ name, container }) => [
        name,
        container.ports?.[0]?.containerPort,
      ]);
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(definitions.map(({ name, port }) => [name, port])));
    }
    for (const { name, port } of definitions) expect(Number(compose.services[name]?.environment['PORT'])).toBe(port);
  });

  it('gives each service variables that it accepts, and none of the addresses that only hold on one machine', () => {
    for (const variant of variants) {
      for (const { name, title, container } of services(rendered[variant])) {
        const environment = environmentOf(container, rendered[variant]);
        const { settings, variables } = readSettings(definitionNamed(name), environment);
        const transport = {
          rabbitmq: settings.RABBITMQ_URL,
          kafka: settings.KAFKA_BROKERS,
          postgres: settings.LOG_DATABASE_URL,
        };
        expect([settings.DATABASE_URL, transport[settings.TRANSPORT]].join(), title).not.toContain('127.0.0.1');
        expect(JSON.stringify(variables), title).not.toContain('127.0.0.1');
        expect(settings.TRANSPORT, title).toBe(variant.startsWith('kafka') ? 'kafka' : 'rabbitmq');
      }
    }
    expect(text('Dockerfile')).toMatch(/^ENV .*HOST=0\.0\.0\.0/m);
  });

  it('runs the sandbox of the provider where payment looks for it, with variables that it knows', () => {
    for (const variant of variants) {
      const sandbox = workloads(rendered[variant]).find(({ name }) => name === 'payment-provider')!;
      const environment = environmentOf(sandbox.container, rendered[variant]);
      expect(Object.keys(environment).filter((name) => !(name in ProviderSettings.shape))).toEqual([]);
      const { PORT, LEDGER_FILE } = ProviderSettings.parse(environment);
      expect(sandbox.container.ports?.[0]?.containerPort).toBe(PORT);
      expect(sandbox.container.volumeMounts?.map(({ mountPath }) => mountPath)).toContain(dirname(LEDGER_FILE));
      const payment = services(rendered[variant]).find(({ name }) => name === 'payment')!;
      expect(environmentOf(payment.container, rendered[variant])).toMatchObject({
        PAYMENT_PROVIDER_URL: `http://payment-provider:${PORT}`,
      });
    }
  });

  it('sets no variable that nobody reads', () => {
    const known = new Set(
      ['libs/service/src/settings.ts', ...readdirSync('apps').map((app) => `apps/${app}/src/variables.ts`)]
        .filter((path) => existsSync(path))
        .flatMap((path) => [...text(path).matchAll(/^\s+([A-Z][A-Z_]+):/gm)].map(([, name]) => name)),
    );
    const read = (name: string) => known.has(name) || /^(OTEL|NODE)_/.test(name);
    const set = new Set(
      variants.flatMap((variant) =>
        services(rendered[variant]).flatMap(({ container }) =>
          Object.keys(environmentOf(container, rendered[variant])),
        ),
      ),
    );
    for (const { name } of definitions) {
      for (const variable of Object.keys(compose.services[name]?.environment ?? {})) set.add(variable);
    }
    expect([...set].filter((name) => !read(name))).toEqual([]);
  });

  it('uses the images of docker-compose.yml, and its own at the version of package.json', () => {
    const { version } = JSON.parse(text('package.json')) as { version: string };
    const known = new Set(Object.values(compose.services).map(({ image }) => image));
    for (const variant of variants) {
      for (const { title, container } of workloads(rendered[variant])) {
        const own = variant === 'dev' ? 'farandole:dev' : `registry.example.com/farandole:${version}`;
        if (container.image?.includes('farandole')) expect(container.image, title).toBe(own);
        else expect(known, title).toContain(container.image);
      }
    }
    const [cluster] = ofKind(rendered.rabbitmq, 'RabbitmqCluster');
    expect(known).toContain(cluster?.spec?.['image']);
  });

  it('runs programs that the build makes', () => {
    for (const { container } of workloads(rendered.dev)) {
      for (const program of (container.args ?? []).filter((argument) => argument.startsWith('dist/'))) {
        expect(existsSync(program.replace(/^dist\//, '').replace(/\.js$/, '.ts')), program).toBe(true);
      }
    }
  });

  it('has a topic for everything that is stated, with the partitions that the services expect', () => {
    const topics = ofKind(rendered.kafka, 'KafkaTopic');
    const stated = choreography.flatMap(({ sources }) => sources.map(({ topic }) => topic));
    expect(new Set(topics.map(({ metadata }) => metadata.name))).toEqual(new Set(stated));
    const environment = environmentOf(services(rendered.kafka)[0]!.container, rendered.kafka);
    for (const { spec } of topics) {
      expect(spec).toMatchObject({
        partitions: Number(environment['KAFKA_PARTITIONS']),
        replicas: Number(environment['KAFKA_REPLICATION']),
      });
    }
  });

  it('scales to no more replicas than there are lanes', () => {
    const { rabbitmq, kafka } = rendered;
    const lanes = Number(environmentOf(services(rabbitmq)[0]!.container, rabbitmq)['RABBITMQ_LANES']);
    for (const { spec } of ofKind(rabbitmq, 'HorizontalPodAutoscaler'))
      expect(spec).toMatchObject({ maxReplicas: lanes });
    for (const { spec } of ofKind(rendered['rabbitmq-with-options'], 'ScaledObject')) {
      expect(spec).toMatchObject({ maxReplicaCount: lanes });
    }
    const partitions = Number(environmentOf(services(kafka)[0]!.container, kafka)['KAFKA_PARTITIONS']);
    for (const { spec } of ofKind(rendered['kafka-with-options'], 'ScaledObject')) {
      expect(spec).toMatchObject({ maxReplicaCount: partitions });
    }
  });

  it('switches on the plugins of RabbitMQ that the library needs', () => {
    const plugins = text('libs/rabbitmq/config/enabled_plugins').trim();
    const config = ofKind(rendered.dev, 'ConfigMap').find(({ data }) => data?.['enabled_plugins'] !== undefined);
    expect(config?.data?.['enabled_plugins']).toBe(plugins);
  });

  it('alerts by the rules of the observability folder', () => {
    const [rule] = ofKind(rendered['rabbitmq-with-options'], 'PrometheusRule');
    const { groups } = parse(text('observability/alerts.yml')) as { groups: unknown[] };
    expect(rule?.spec?.['groups']).toEqual(groups);
  });

  it('is described by commands that exist', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const programs = new Set('cp curl docker export kcat kind kubectl npm pg_dump pg_restore'.split(' '));
    const everything = new Set(
      variants.flatMap((variant) =>
        rendered[variant].map(({ kind, metadata }) => `${kind}/${metadata.name}`.toLowerCase()),
      ),
    );
    for (const readme of ['k8s/README.md', 'docker/README.md']) {
      const blocks = [...text(readme).matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block);
      const commands = blocks
        .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
        .map((line) => line.replace(/#.*/, '').trim());
      for (const command of commands.filter(Boolean)) {
        const words = command.split(/\s+/).filter((word) => !/^[A-Z_]+=\S*$/.test(word));
        expect(programs, command).toContain(words[0]);
        for (const path of command.match(/\b(k8s|docker|libs|apps|tools)\/[\w./-]+/g) ?? []) {
          expect(existsSync(path) || existsSync(`${path}.example`), `${command}: ${path}`).toBe(true);
        }
        for (const [, script = ''] of command.matchAll(/npm run ([\w:-]+)/g)) expect(scripts).toHaveProperty(script);
        for (const [named] of command.matchAll(
          /\b(deployment|statefulset|job|service|ingress|scaledobject)\/[\w-]+/g,
        )) {
          expect(everything, command).toContain(named);
        }
      }
    }
  });
});
