import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultPorts, portOffset, repositoryRoot, type ServiceName } from '../platform/apps.js';
import { developmentToken } from '../platform/ops-token.js';
import { pages } from './files.js';

const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** Each service has dead letters, and a history, of its own. */
const WHOLE: Readonly<Record<string, RegExp>> = {
  dlq: /^ -- (list|groups|show|replay|discard|stop) .*--service /,
  replay: /--service .*--from /,
};

describe('what the pages tell people to type', () => {
  const commands = pages().flatMap(({ page, text }) =>
    [...text.matchAll(/npm run ([a-z0-9-]+)([^`\n]*)/g)].map(([, script = '', rest = '']) => ({ page, script, rest })),
  );

  it.each(commands)('$page: npm run $script', ({ script }) => {
    expect(scripts).toHaveProperty(script);
  });

  it.each(commands.filter(({ page, script }) => page.startsWith('runbooks/') && script in WHOLE))(
    '$page: npm run $script $rest, a whole command',
    ({ script, rest }) => {
      expect(rest).toMatch(WHOLE[script]!);
    },
  );
});

describe('the runbooks', () => {
  const { text: where } = pages().find(({ page }) => page === 'runbooks/README.md')!;
  const runbooks = pages().filter(({ page }) => /^runbooks\/[a-z]/.test(page));

  it.each(runbooks)('$page says at the top where its commands go', ({ text }) => {
    expect(text).toMatch(/^# .*\n\n.*\(README\.md\)/);
  });

  it('have the ports and tokens that are', () => {
    const ports = [...where.matchAll(/\b(order|inventory|payment|shipping|notification)(?: |:| on port )(\d+)/g)];
    expect(ports.length).toBeGreaterThan(8);
    for (const [all, service, port] of ports) {
      expect(Number(port), all).toBe(defaultPorts.first + portOffset[service as ServiceName]);
    }
    const tokens = [...where.matchAll(/export OPS_TOKEN=([\w-]+)/g)].map(([, token]) => token);
    const ofCompose = /^OPS_TOKEN=(.*)$/m.exec(readFileSync(join(repositoryRoot, '.env'), 'utf8'))?.[1];
    expect(tokens).toEqual([developmentToken, ofCompose]);
  });
});
