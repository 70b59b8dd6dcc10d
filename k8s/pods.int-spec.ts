import { beforeAll, expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';
import { renderAll, variants, type Variant } from './checks/render.js';
import { environmentOf, ofKind, services, workloads, type Resource, type Workload } from './checks/resource.js';

await describeWithDocker('Kubernetes: every pod', () => {
  let rendered: Record<Variant, Resource[]>;
  const each = (check: (workload: Workload, resources: Resource[]) => void) => {
    for (const variant of variants) {
      for (const workload of workloads(rendered[variant])) check(workload, rendered[variant]);
    }
  };
  const running = (check: (workload: Workload, resources: Resource[]) => void) =>
    each((workload, resources) => workload.kind !== 'Job' && check(workload, resources));
  beforeAll(async () => {
    rendered = await renderAll();
  });

  it('runs without root, capabilities, a writable root file system or a free choice of system calls', () => {
    each(({ title, pod, container }) => {
      expect(pod.securityContext, title).toMatchObject({
        runAsNonRoot: true,
        runAsUser: expect.toSatisfy((uid: number) => uid > 0),
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(container.securityContext, title).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    });
  });

  it('cannot speak to the API server', () => {
    each(({ title, pod }) => expect(pod.automountServiceAccountToken, title).toBe(false));
    for (const { metadata, ...account } of variants.flatMap((name) => ofKind(rendered[name], 'ServiceAccount'))) {
      expect(account, metadata.name).toMatchObject({ automountServiceAccountToken: false });
    }
  });

  it('says what it needs and what it may take', () => {
    each(({ title, container: { resources } }) => {
      for (const side of [resources?.requests, resources?.limits]) {
        expect(Object.keys(side ?? {}), title).toEqual(['cpu', 'memory']);
      }
    });
  });

  it('is watched by three probes on a port that it has', () => {
    running(({ title, container: { startupProbe, livenessProbe, readinessProbe, ports } }) => {
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
        expect(probe, title).toBeDefined();
        const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
        if (!probe?.exec)
          expect(
            ports?.map(({ name }) => name),
            title,
          ).toContain(port);
      }
    });
  });

  it('of ours is alive whatever broker and database do, and ready by its own word', () => {
    running(({ title, container: { image, startupProbe, livenessProbe, readinessProbe } }) => {
      if (!image?.includes('farandole')) return;
      expect(startupProbe?.httpGet?.path, title).toBe('/health/live');
      expect(livenessProbe?.httpGet?.path, title).toBe('/health/live');
      expect(readinessProbe?.httpGet?.path, title).toBe('/health/ready');
    });
  });

  it('of ours has time to leave: preStop, then SHUTDOWN_TIMEOUT_MS, then some to spare', () => {
    running(({ title, pod, container }, resources) => {
      if (!container.image?.includes('farandole')) return;
      // The provider has nothing to finish but its answers.
      const { SHUTDOWN_TIMEOUT_MS = 2_000 } = environmentOf(container, resources);
      const preStop = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
      expect(preStop, title).toBeGreaterThanOrEqual(5);
      expect(pod.terminationGracePeriodSeconds, title).toBeGreaterThanOrEqual(
        preStop + Number(SHUTDOWN_TIMEOUT_MS) / 1000 + 2,
      );
    });
  });

  it('of a store has time to put its data in order', () => {
    running(({ title, pod, container }) => {
      if (!container.image?.includes('farandole'))
        expect(pod.terminationGracePeriodSeconds, title).toBeGreaterThanOrEqual(10);
    });
  });

  it('of a service stands on another node and in another zone than its replicas, where it can', () => {
    for (const { title, pod, labels } of variants.flatMap((variant) => services(rendered[variant]))) {
      const keys = pod.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey);
      expect(keys, title).toEqual(['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
      for (const { labelSelector } of pod.topologySpreadConstraints ?? []) {
        expect(labels, title).toMatchObject(labelSelector?.matchLabels ?? { missing: true });
      }
    }
  });

  it('is found by its own Service alone, never by a migration', () => {
    for (const variant of variants) {
      for (const { metadata, spec } of ofKind(rendered[variant], 'Service')) {
        const selector = Object.entries(spec?.['selector'] as Record<string, string>);
        const chosen = workloads(rendered[variant]).filter(({ labels }) =>
          selector.every(([key, value]) => labels[key] === value),
        );
        expect(chosen.map(({ name }) => name)).toEqual([metadata.name]);
      }
    }
  });

  it('of a service and its migration falls under its network policy, which lets it call no other service', () => {
    for (const variant of variants) {
      const policies = ofKind(rendered[variant], 'NetworkPolicy');
      expect(policies).toHaveLength(5);
      for (const { metadata, spec } of policies) {
        const { podSelector, policyTypes, egress } = spec as {
          podSelector: { matchLabels: Record<string, string> };
          policyTypes: string[];
          egress: { ports: { port: number }[] }[];
        };
        expect(policyTypes).toEqual(['Ingress', 'Egress']);
        const covered = workloads(rendered[variant]).filter(({ labels }) =>
          Object.entries(podSelector.matchLabels).every(([key, value]) => labels[key] === value),
        );
        expect(covered.map(({ name }) => name).toSorted()).toEqual(
          [metadata.name, `migrate-${metadata.name}`].toSorted(),
        );
        const ports = egress.flatMap((rule) => rule.ports.map(({ port }) => port));
        expect(ports.filter((port) => port >= 3001 && port <= 3005)).toEqual([]);
      }
    }
  });

  it('is open to the world only as the order API', () => {
    for (const variant of variants) {
      const [ingress, ...others] = ofKind(rendered[variant], 'Ingress');
      expect(others).toEqual([]);
      const { rules } = ingress!.spec as {
        rules: { http: { paths: { path: string; backend: { service: { name: string } } }[] } }[];
      };
      const paths = rules.flatMap(({ http }) => http.paths);
      expect(paths.map(({ path }) => path)).toEqual(['/orders', '/products']);
      expect(new Set(paths.map(({ backend }) => backend.service.name))).toEqual(new Set(['order']));
    }
  });

  it('gets its schema from a job that only migrates', () => {
    for (const variant of variants) {
      const jobs = workloads(rendered[variant]).filter(({ kind }) => kind === 'Job');
      expect(jobs).toHaveLength(5);
      for (const { name, pod, container } of jobs) {
        const service = services(rendered[variant]).find((one) => `migrate-${one.name}` === name);
        expect(container.image, name).toBe(service?.container.image);
        expect(container.args, name).toEqual(service?.container.args);
        expect(environmentOf(container, rendered[variant]), name).toMatchObject({ MIGRATE_ONLY: 'true' });
        expect(pod.restartPolicy).toBe('Never');
      }
    }
  });
});
