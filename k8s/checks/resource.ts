import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface Workload {
  /** `Deployment order`: names it in messages. */
  readonly title: string;
  readonly name: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: IPodSpec;
  readonly container: IContainer;
}

export const ofKind = (resources: readonly Resource[], kind: string): Resource[] =>
  resources.filter((resource) => resource.kind === kind);

/** Everything that makes pods of ours (operators see to their own). */
export function workloads(resources: readonly Resource[]): Workload[] {
  return ['Deployment', 'StatefulSet', 'Job'].flatMap((kind) =>
    ofKind(resources, kind).map(({ metadata, spec }) => {
      const template = spec?.['template'] as { metadata: { labels: Record<string, string> }; spec: IPodSpec };
      const [container, ...others] = template.spec.containers;
      if (!container || others.length > 0) throw new Error(`${kind} ${metadata.name} has not exactly one container`);
      const { name } = metadata;
      return { title: `${kind} ${name}`, name, kind, labels: template.metadata.labels, pod: template.spec, container };
    }),
  );
}

/** The five services' Deployments. */
export const services = (resources: readonly Resource[]): Workload[] =>
  workloads(resources).filter(({ kind }) => kind === 'Deployment');

/** What the container finds in its environment; of a secret the reference, unless it is among the resources. */
export function environmentOf(container: IContainer, resources: readonly Resource[]): Record<string, string> {
  const sources = (container.envFrom ?? []).map(({ configMapRef }) =>
    named(resources, 'ConfigMap', configMapRef?.name),
  );
  const variables = (container.env ?? []).map(({ name, value, valueFrom }) => {
    const secret = valueFrom?.secretKeyRef;
    return [name, value ?? secretValue(resources, secret?.name, secret?.key)];
  });
  return { ...Object.assign({}, ...sources.map(({ data }) => data)), ...Object.fromEntries(variables) };
}

function secretValue(resources: readonly Resource[], name = '', key = ''): string {
  const secret = ofKind(resources, 'Secret').find(({ metadata }) => metadata.name === name);
  if (!secret) return OPERATORS_SECRETS[`${name}/${key}`] ?? `nobody makes the secret ${name}`;
  const value = secret.data?.[key];
  if (value === undefined) throw new Error(`the secret ${name} has no key ${key}`);
  return Buffer.from(value, 'base64').toString();
}

/** Secrets that the operators make, by what their documentation says is in them. */
const OPERATORS_SECRETS: Record<string, string> = {
  'rabbitmq-default-user/connection_string': 'amqp://default_user:secret@rabbitmq.farandole.svc:5672/',
  'farandole-kafka/password': 'made-by-the-user-operator',
};

function named(resources: readonly Resource[], kind: string, name = ''): Resource {
  const found = ofKind(resources, kind).find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}
