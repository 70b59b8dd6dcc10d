import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../platform/apps.js';
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
