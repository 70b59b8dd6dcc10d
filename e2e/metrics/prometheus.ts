import { GenericContainer, Wait } from 'testcontainers';
import { PROMETHEUS, read } from '../../tools/observability/files.js';

const PORT = 9090;

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** A Prometheus with our rules, reading services that run on this machine. */
export interface Prometheus {
  /** Resolves with the answer of this moment. @throws Error with Prometheus' own words when it does not understand */
  ask(query: string): Promise<readonly Sample[]>;
  /** Names of the alerts that it evaluates without an error. */
  loadedAlerts(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** The services must listen on all addresses. */
export async function startPrometheus(
  targets: readonly (readonly [service: string, url: string])[],
): Promise<Prometheus> {
  const container = await new GenericContainer(PROMETHEUS)
    .withExtraHosts([{ host: 'host.docker.internal', ipAddress: 'host-gateway' }])
    .withCopyContentToContainer([
      { content: configuration(targets), target: '/etc/prometheus/prometheus.yml' },
      { content: read('alerts.yml'), target: '/etc/prometheus/alerts.yml' },
    ])
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forHttp('/-/ready', PORT))
    .start();
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://${container.getHost()}:${container.getMappedPort(PORT)}/api/v1/${path}`);
    const { data, error } = (await response.json()) as { data: T; error?: string };
    if (error) throw new Error(`${decodeURIComponent(path)}: ${error}`);
    return data;
  };
  return {
    ask: async (query) => (await get<{ result: Sample[] }>(`query?query=${encodeURIComponent(query)}`)).result,
    async loadedAlerts() {
      const { groups } = await get<{ groups: { rules: { name: string; health: string }[] }[] }>('rules?type=alert');
      return groups.flatMap(({ rules }) => rules.filter(({ health }) => health !== 'err').map(({ name }) => name));
    },
    stop: async () => void (await container.stop()),
  };
}

/** As `prometheus.yml`, but for where the services are, and quicker. JSON is YAML as well. */
function configuration(targets: readonly (readonly [string, string])[]): string {
  return JSON.stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['/etc/prometheus/alerts.yml'],
    scrape_configs: [
      {
        job_name: 'farandole',
        static_configs: targets.map(([service_name, url]) => ({
          targets: [`host.docker.internal:${new URL(url).port}`],
          labels: { service_name },
        })),
      },
    ],
  });
}
