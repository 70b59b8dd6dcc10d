import { diag } from '@opentelemetry/api';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { reportTroubleTo } from './trouble.js';

const away = JSON.stringify({ message: 'connect ECONNREFUSED', stack: 'Error: connect\n    at somewhere' });
let told: string[];

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
});
afterEach(() => {
  diag.disable();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

it('tells in words what went wrong, and the same again after a minute only', () => {
  reportTroubleTo((line) => told.push(line));
  for (let seconds = 0; seconds < 65; seconds += 5) {
    diag.error(away);
    diag.warn('the queue is full,', 3, 'spans dropped');
    diag.info('of no interest');
    vi.advanceTimersByTime(5_000);
  }
  const once = ['connect ECONNREFUSED', 'the queue is full, 3 spans dropped'];
  expect(told).toEqual([...once, ...once]);
});

it.each([
  ['none', []],
  ['ERROR', ['failed']],
  ['info', ['failed', 'odd', 'done']],
  ['nonsense', ['failed', 'odd']],
])('tells at OTEL_LOG_LEVEL=%s what is of that level', (level, lines) => {
  vi.stubEnv('OTEL_LOG_LEVEL', level);
  reportTroubleTo((line) => told.push(line));
  diag.error('failed');
  diag.warn('odd');
  diag.info('done');
  expect(told).toEqual(lines);
});
