import { afterEach, expect, it, vi } from 'vitest';
import { NotDone, request } from './ops.js';

afterEach(() => void vi.unstubAllEnvs());

it('names the variable of a token file that cannot be read', async () => {
  vi.stubEnv('OPS_TOKEN', undefined);
  vi.stubEnv('OPS_TOKEN_FILE', '/nonsense');
  const asked = request({ service: 'payment' }, { method: 'GET', path: '/ops/lag' });
  await expect(asked).rejects.toThrow(
    new NotDone("OPS_TOKEN_FILE: ENOENT: no such file or directory, open '/nonsense'"),
  );
});
