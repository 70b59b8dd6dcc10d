import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { codec } from './gzip.js';

describe.each([
  ['small', 1_000],
  ['large', 1_000_000],
])('a %s batch', (_, length) => {
  const buffer = Buffer.from(Array.from({ length }, (__, n) => n % 251));

  it('is packed as gzip', async () => {
    expect(gunzipSync(await codec.compress({ buffer }))).toEqual(buffer);
  });

  it('is unpacked, whoever packed it', async () => {
    expect(await codec.decompress(gzipSync(buffer))).toEqual(buffer);
  });
});
