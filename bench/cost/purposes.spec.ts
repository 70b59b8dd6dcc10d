import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { purposeOf, sharesOf } from './purposes.js';

const frame = (url: string, functionName = 'f') => ({ url, functionName, lineNumber: 0 });

describe('what a service is busy with', () => {
  it.each([
    ['file:///x/node_modules/pg/lib/client.js', 'PostgreSQL client'],
    ['file:///x/node_modules/typeorm/query-runner/QueryRunner.js', 'PostgreSQL client'],
    ['file:///x/node_modules/@nestjs/microservices/server/server.js', 'broker client'],
    ['file:///x/node_modules/@nestjs/core/router/router.js', 'HTTP'],
    ['file:///x/dist/libs/inbox/src/inbox.js', 'outbox, inbox, commands'],
    ['file:///x/dist/apps/order/src/order.js', 'the story itself'],
    ['file:///x/bench/peers/dist/golevelup.js', 'the story itself'],
    ['file:///x/dist/libs/service/src/prepared-query.js', 'PostgreSQL client'],
    ['file:///x/dist/libs/service/src/preparing-client.js', 'PostgreSQL client'],
    ['file:///x/dist/libs/service/src/backpressure.js', 'other libraries, own plumbing'],
    ['file:///x/node_modules/cockatiel/dist/Policy.js', 'other libraries, own plumbing'],
    ['file:///x/node_modules/nestjs-pino/PinoLogger.js', 'log lines'],
    ['node:internal/timers', 'Node and V8'],
  ])('goes by where the code is: %s', (url, purpose) => {
    expect(purposeOf(frame(url))).toBe(purpose);
  });

  it('tells system calls and garbage collection apart, which are nowhere', () => {
    expect(purposeOf(frame('', 'writev'))).toBe('system calls');
    expect(purposeOf(frame('', '(garbage collector)'))).toBe('garbage collection');
    expect(purposeOf(frame('', 'runMicrotasks'))).toBe('Node and V8');
  });

  it('counts the time within the spans, without what is idle, by system', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'farandole-purposes-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const frames = [
      frame('file:///x/dist/apps/order/src/main.js'),
      frame('', '(idle)'),
      frame('', 'writev'),
      frame('file:///x/node_modules/pg/lib/client.js'),
    ];
    await writeFile(
      join(folder, 'one.cpuprofile'),
      JSON.stringify({
        nodes: frames.map((callFrame, id) => ({ id, callFrame })),
        startTime: 1_000,
        samples: [3, 0, 1, 2, 3, 3],
        timeDeltas: [100, 100, 100, 100, 200, 100],
      }),
    );
    const spans = [
      { from: 1_150, until: 1_450 },
      { from: 1_550, until: 1_650 },
    ];
    const shares = await sharesOf(folder, {
      ours: { code: /dist\/apps\//, spans },
      theirs: { code: /peers\/dist\/golevelup/, spans },
    });
    expect(shares).toEqual({
      ours: { 'the story itself': 0.25, 'system calls': 0.25, 'PostgreSQL client': 0.5 },
      theirs: {},
    });
  });
});
