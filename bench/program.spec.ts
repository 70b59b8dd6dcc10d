import { beforeAll, describe, expect, it } from 'vitest';
import { relay } from './experiments/relay.js';
import { program } from './program.js';
import { kindOf } from './results.js';

describe('the options of an experiment', () => {
  beforeAll(() => {
    for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => undefined });
  });
  const run = (line: string) => program.parseAsync(line.split(' '), { from: 'user' });

  it.each([
    ['peers --store kafka', '--store'],
    ['purposes --profile there', '--profile'],
    ['purposes --store kafka', '--store'],
    ['profile --profile there', '--profile'],
    ['profile --repetitions 3', '--repetitions'],
    ['http --store kafka', '--store'],
    ['http --batch 1', '--batch'],
    ['inbox --store kafka', '--store'],
    ['inbox --batch 1', '--batch'],
    ['relay --store kafka --batch 1', '--batch'],
    ['memory --seconds 3', '--seconds'],
    ['memory --repetitions 3', '--repetitions'],
  ])('are those that it reads: %s', async (line, option) => {
    await expect(run(line)).rejects.toThrow(`unknown option '${option}'`);
  });

  it('tell of the store that relay needs', async () => {
    const options = { store: 'postgres', logLevel: 'info', quick: true, repetitions: 1, seconds: 1 } as const;
    await expect(relay(options)).rejects.toThrow('choose --store rabbitmq or kafka');
  });
});

describe('a result', () => {
  it('is for the report when it was found with the options that the report is of', () => {
    expect(kindOf('saga', { batch: 100, logLevel: 'info' })).toBe('report');
    expect(kindOf('saga', { batch: 1, logLevel: 'info' })).toBe('report');
    expect(kindOf('inbox', {})).toBe('report');
  });

  it.each([
    ['saga', { batch: 10 }],
    ['idle', { batch: 1 }],
    ['saga', { logLevel: 'debug' }],
    ['saga', { profile: '/tmp/profiles' }],
  ])('of %s with %j is for tuning', (experiment, options) => {
    expect(kindOf(experiment, options)).toBe('tuning');
  });
});
