import { beforeAll, expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';
import { renderAll, variants, type Variant } from './checks/render.js';
import { ofKind, type Resource } from './checks/resource.js';
import { unknownFields } from './checks/unknown-fields.js';
import { validate } from './checks/validate.js';

await describeWithDocker('Kubernetes: what the overlays render', () => {
  let rendered: Record<Variant, Resource[]>;
  beforeAll(async () => {
    rendered = await renderAll();
  });

  it.each(variants)('%s consists of resources that their schemas accept', async (variant) => {
    const wrong: string[] = [];
    for (const resource of rendered[variant]) {
      await validate(resource).catch((error: Error) => {
        wrong.push(`${resource.kind} ${resource.metadata.name}: ${error.message}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  it('has no field that Kubernetes 1.36, KEDA or the Prometheus operator do not know', () => {
    expect(unknownFields(variants.flatMap((variant) => rendered[variant]))).toEqual([]);
  });

  it('would notice a misspelled field and a wrong value', async () => {
    const service = ofKind(rendered.dev, 'Service')[0]!;
    expect(unknownFields([{ ...service, spec: { ...service.spec, prots: [] } }])).toEqual([
      expect.stringMatching(/prots.* does not exist/),
    ]);
    await expect(validate({ ...service, spec: { ports: [{ port: 'http' }] } })).rejects.toThrow();
    const cluster = ofKind(rendered.rabbitmq, 'RabbitmqCluster')[0]!;
    await expect(validate({ ...cluster, spec: { ...cluster.spec, replica: 3 } })).rejects.toThrow('replica');
  });

  it.each(variants)('%s names each resource once, in one namespace', (variant) => {
    const names = rendered[variant].map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names).toEqual([...new Set(names)]);
    const elsewhere = rendered[variant].filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'farandole',
    );
    expect(elsewhere).toEqual([]);
  });

  it.each(variants)('%s has all parts of each of the five services', (variant) => {
    const scaled = { dev: [], rabbitmq: ['HorizontalPodAutoscaler'], kafka: ['HorizontalPodAutoscaler'] };
    const scaling = scaled[variant as keyof typeof scaled] ?? ['ScaledObject'];
    const kinds = ['Deployment', 'Service', 'ServiceAccount', 'NetworkPolicy', 'ConfigMap', ...scaling];
    for (const name of ['order', 'inventory', 'payment', 'shipping', 'notification']) {
      const parts = rendered[variant].filter(
        ({ metadata }) => metadata.labels?.['app.kubernetes.io/name'] === name && !metadata.name.startsWith('migrate-'),
      );
      expect(parts.map(({ kind }) => kind)).toEqual(expect.arrayContaining(kinds));
    }
  });

  it('lets a scaled object stand in for the autoscaler, never beside it', () => {
    for (const variant of ['rabbitmq-with-options', 'kafka-with-options'] as const) {
      expect(ofKind(rendered[variant], 'HorizontalPodAutoscaler')).toEqual([]);
      expect(ofKind(rendered[variant], 'ScaledObject')).toHaveLength(5);
    }
  });

  it('replicates everything three times, and takes a write when two have it', () => {
    const { kafka, rabbitmq } = rendered;
    expect(ofKind(rabbitmq, 'RabbitmqCluster')[0]?.spec).toMatchObject({ replicas: 3 });
    expect(ofKind(kafka, 'KafkaNodePool')[0]?.spec).toMatchObject({ replicas: 3 });
    expect(ofKind(kafka, 'Kafka')[0]?.spec).toMatchObject({ kafka: { config: { 'min.insync.replicas': 2 } } });
    for (const { spec } of ofKind(kafka, 'KafkaTopic')) {
      expect(spec).toMatchObject({ replicas: 3, config: { 'min.insync.replicas': 2 } });
    }
  });
});
