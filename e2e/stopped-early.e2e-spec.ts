import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

/** The first process of a container is not ended by a signal that it does not handle. */
it('a service that waits for its database ends itself at a signal', async () => {
  const service = spawn(process.execPath, ['dist/apps/inventory/src/main.js'], {
    env: { ...process.env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', TRANSPORT: 'postgres' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  service.stdout.on('data', (piece: Buffer) => (told += piece.toString()));
  const exited = once(service, 'exit');
  await expect.poll(() => told).toContain('waiting_for_database');
  service.kill('SIGTERM');
  expect(await exited).toEqual([143, null]);
});
