import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { inherited } from '../tools/platform/plan.js';
import { PATIENCE_MS } from './patience.js';

/** The first process of a container is not ended by a signal that it does not handle. */
it('a service that waits for its database ends itself at a signal', async () => {
  const service = spawn(process.execPath, ['dist/apps/inventory/src/main.js'], {
    env: {
      ...inherited(),
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      TRANSPORT: 'postgres',
      LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void service.kill('SIGKILL'));
  let told = '';
  service.stdout.on('data', (piece: Buffer) => (told += piece.toString()));
  const exited = once(service, 'exit');
  await expect.poll(() => told, { timeout: PATIENCE_MS }).toContain('waiting_for_database');
  service.kill('SIGTERM');
  expect(await exited).toEqual([143, null]);
});
