import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryRoot } from '../platform/apps.js';

export const folder = join(repositoryRoot, 'observability');
export const PROMETHEUS = 'prom/prometheus:v2.53.3';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: { readonly summary?: string; readonly runbook?: string };
}

interface Dashboard {
  readonly title: string;
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

export interface Query {
  readonly where: string;
  readonly expr: string;
}

/** What alerts and is recorded, in `observability/alerts.yml`. */
export function rules(): Rule[] {
  const { groups } = parse(read('alerts.yml')) as { groups: readonly { readonly rules: readonly Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

/** The queries of all dashboards, with a window in place of Grafana's variable. */
export function dashboardQueries(): Query[] {
  const dashboards = join('grafana', 'dashboards');
  return readdirSync(join(folder, dashboards)).flatMap((file) => {
    const { title, panels } = JSON.parse(read(join(dashboards, file))) as Dashboard;
    return panels.flatMap((panel) =>
      panel.targets.map(({ expr }) => ({
        where: `${title} / ${panel.title}`,
        expr: expr.replaceAll('$__rate_interval', '1m'),
      })),
    );
  });
}

/** Names in a query that are ours to have: of metrics, recorded rules and labels. */
export function namesIn(expr: string): string[] {
  return [...new Set(expr.match(/\b(?:farandole|messaging|nodejs|process)[:_][a-z0-9_:]+/g))];
}

/** What people read when something is wrong. */
export function pages(): { readonly page: string; readonly text: string }[] {
  const names = readdirSync(join(repositoryRoot, 'docs'), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ page: name, text: readFileSync(join(repositoryRoot, 'docs', name), 'utf8') }));
}

export function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8');
}
