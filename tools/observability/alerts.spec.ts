import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { repositoryRoot } from '../platform/apps.js';
import { dashboardQueries, namesIn, read, rules } from './files.js';

const alerts = rules().filter(({ alert }) => alert !== undefined);

describe('alerts', () => {
  it.each(alerts)(
    '$alert says what is wrong, and links a runbook that tells how to look and what to do',
    ({ annotations }) => {
      expect(annotations?.summary).toBeTruthy();
      const page = join(repositoryRoot, annotations?.runbook ?? '');
      expect(existsSync(page), page).toBe(true);
      expect(readFileSync(page, 'utf8')).toMatch(/\*\*Look\*\*[\s\S]*\*\*Do\*\*/);
    },
  );

  it('have a test each', () => {
    const { tests } = parse(read('alerts.test.yml')) as {
      tests: readonly { alert_rule_test: readonly { alertname: string; exp_alerts: readonly unknown[] }[] }[];
    };
    const fired = tests
      .flatMap(({ alert_rule_test }) => alert_rule_test)
      .filter(({ exp_alerts }) => exp_alerts.length > 0)
      .map(({ alertname }) => alertname);
    expect(new Set(fired)).toEqual(new Set(alerts.map(({ alert }) => alert)));
  });

  it('can be looked at on the dashboard Health, signal by signal', () => {
    const shown = new Set(
      dashboardQueries()
        .filter(({ where }) => where.startsWith('Health'))
        .flatMap(({ expr }) => namesIn(expr)),
    );
    for (const { alert, expr } of alerts)
      expect(
        namesIn(expr).filter((name) => !shown.has(name)),
        alert,
      ).toEqual([]);
  });
});
