import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readOptions as order } from './order-cli/options.js';
import { readOptions as replay } from './replay/options.js';
import { readOptions as story } from './story/options.js';

const whole = {
  order: (url: string) => order(['', '', '--url', url]),
  story: (url: string) => story(['', '', randomUUID(), '--url', url]),
  'story --at': (url: string) => story(['', '', randomUUID(), '--at', `payment=${url}`]),
  replay: (url: string) => replay(['', '', '--service', 'payment', '--from', '2026-01-01', '--url', url]),
};

describe.each(Object.entries(whole))('the address given to %s', (_, read) => {
  const said: string[] = [];
  beforeEach(() => {
    said.length = 0;
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => (said.push(String(text)), true));
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit code ${code}`);
    });
  });
  afterEach(() => void vi.restoreAllMocks());

  it.each(['http://127.0.0.1:99999', 'http://', 'localhost:3001', 'http:/127.0.0.1'])('is not %s', (url) => {
    expect(() => read(url)).toThrow('exit code 1');
    expect(said.join('')).toMatch(/^error: .* It looks like http:\/\/127\.0\.0\.1:3001\.\n$/);
  });

  it('may end in slashes', () => {
    expect(JSON.stringify(read('http://127.0.0.1:3011//'))).toContain('"http://127.0.0.1:3011"');
  });
});
