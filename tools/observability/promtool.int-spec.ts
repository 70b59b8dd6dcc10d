import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { describeWithDocker } from '../docker/available.js';
import { repositoryRoot } from '../platform/apps.js';
import { folder, PROMETHEUS } from './files.js';

const run = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8', cwd: repositoryRoot });
const promtool = (...args: string[]) =>
  run('run', '--rm', '--entrypoint', 'promtool', '--volume', `${folder}:/etc/prometheus:ro`, PROMETHEUS, ...args);

await describeWithDocker('promtool', () => {
  it('finds that each alert fires when it must, and not before', () => {
    expect(promtool('test', 'rules', '/etc/prometheus/alerts.test.yml')).toContain('SUCCESS');
  });

  it('finds the configuration and the rules right', () => {
    expect(promtool('check', 'config', '/etc/prometheus/prometheus.yml')).toContain('SUCCESS');
  });
});

await describeWithDocker('docker compose --profile observability', () => {
  it('adds Prometheus and Grafana, with files of the repository and nothing by hand', () => {
    const { services } = JSON.parse(run('compose', '--profile', 'observability', 'config', '--format', 'json')) as {
      services: Record<string, { image: string; volumes: { type: string; target: string; read_only?: boolean }[] }>;
    };
    expect(services['prometheus']?.image).toBe(PROMETHEUS);
    const mounted = (name: string) =>
      services[name]?.volumes.filter(({ type, read_only }) => type === 'bind' && read_only).map(({ target }) => target);
    expect(mounted('prometheus')).toEqual(['/etc/prometheus/prometheus.yml', '/etc/prometheus/alerts.yml']);
    expect(mounted('grafana')).toEqual(['/etc/grafana/provisioning', '/etc/grafana/dashboards']);
  });
});
