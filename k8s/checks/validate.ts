import { z } from 'zod';
import type { Resource } from './resource.js';

/** Core resources are those of Kubernetes 1.36 (kubernetes-models 5); custom ones those of the operators' packages. */
const PACKAGES: readonly [apiVersion: RegExp, path: string][] = [
  [/^keda\.sh\//, '@kubernetes-models/keda/'],
  [/^monitoring\.coreos\.com\//, '@kubernetes-models/prometheus-operator/'],
  [/^([a-z.]+\.k8s\.io|apps|batch|autoscaling|policy)\/|^v1$/, 'kubernetes-models/'],
];

/** The module with class and interface of the resource, if a package has it. */
export function moduleOf({ apiVersion }: Resource): string | undefined {
  const found = PACKAGES.find(([pattern]) => pattern.test(apiVersion));
  return found && found[1] + apiVersion;
}

/** @throws with all that the schema of the resource's kind finds wrong in it; a kind without any is wrong, too */
export async function validate(resource: Resource): Promise<void> {
  const module = moduleOf(resource);
  if (!module) {
    operatorsKinds.parse(resource);
    return;
  }
  const models = (await import(module)) as Record<string, new (data: unknown) => { validate(): void }>;
  const Model = models[resource.kind];
  if (!Model) throw new Error(`${module} knows no ${resource.kind}`);
  new Model(resource).validate();
}

// No package has the schemas of RabbitMQ's cluster operator and of Strimzi; these are the fields that we use.
const metadata = z.strictObject({
  name: z.string().regex(/^[a-z0-9.-]+$/),
  namespace: z.literal('farandole'),
  labels: z.record(z.string(), z.string()).optional(),
});
const amount = z.string().regex(/^\d+(m|Mi|Gi)?$/);
const amounts = z.strictObject({ cpu: amount, memory: amount });
const resources = z.strictObject({ requests: amounts, limits: amounts });
const ofCluster = metadata.extend({ labels: z.looseObject({ 'strimzi.io/cluster': z.literal('kafka') }) });
const kafkaConfig = z.record(z.string().regex(/^[a-z.]+$/), z.union([z.string(), z.number(), z.boolean()]));
const strimzi = <K extends string, S extends z.ZodType>(kind: K, meta: z.ZodType, spec: S) =>
  z.strictObject({ apiVersion: z.literal('kafka.strimzi.io/v1'), kind: z.literal(kind), metadata: meta, spec });

const rabbitmqCluster = z.strictObject({
  apiVersion: z.literal('rabbitmq.com/v1beta1'),
  kind: z.literal('RabbitmqCluster'),
  metadata,
  spec: z.strictObject({
    replicas: z.int().positive(),
    image: z.string(),
    persistence: z.strictObject({ storage: amount }),
    resources,
    rabbitmq: z.strictObject({ additionalConfig: z.string() }),
    override: z.strictObject({
      statefulSet: z.strictObject({
        spec: z.strictObject({
          template: z.strictObject({
            spec: z.strictObject({
              containers: z.array(z.never()),
              topologySpreadConstraints: z.array(z.looseObject({ topologyKey: z.string() })),
            }),
          }),
        }),
      }),
    }),
  }),
});

const kafka = strimzi(
  'Kafka',
  metadata,
  z.strictObject({
    kafka: z.strictObject({
      listeners: z.array(
        z.strictObject({
          name: z.string().regex(/^[a-z0-9]{1,11}$/),
          port: z.int().min(9092),
          type: z.literal('internal'),
          tls: z.boolean(),
          authentication: z.strictObject({ type: z.literal('scram-sha-512') }),
        }),
      ),
      config: kafkaConfig,
    }),
    entityOperator: z.strictObject({ topicOperator: z.strictObject({}), userOperator: z.strictObject({}) }),
  }),
);

const nodePool = strimzi(
  'KafkaNodePool',
  ofCluster,
  z.strictObject({
    replicas: z.int().positive(),
    roles: z.array(z.enum(['controller', 'broker'])),
    storage: z.strictObject({
      type: z.literal('jbod'),
      volumes: z.array(
        z.strictObject({
          id: z.int().min(0),
          type: z.literal('persistent-claim'),
          size: amount,
          deleteClaim: z.boolean(),
          kraftMetadata: z.literal('shared'),
        }),
      ),
    }),
    resources,
  }),
);

const topic = strimzi(
  'KafkaTopic',
  ofCluster,
  z.strictObject({ partitions: z.int().positive(), replicas: z.int().positive(), config: kafkaConfig }),
);
const user = strimzi(
  'KafkaUser',
  ofCluster,
  z.strictObject({ authentication: z.strictObject({ type: z.literal('scram-sha-512') }) }),
);

const operatorsKinds = z.discriminatedUnion('kind', [rabbitmqCluster, kafka, nodePool, topic, user]);
