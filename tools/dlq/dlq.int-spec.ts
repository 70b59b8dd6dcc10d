import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Module } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { encode, PaymentCharged, type Envelope } from '#libs/contracts';
import { Hopeless, On, Reactions } from '#libs/messaging';
import { Service } from '#libs/service';
import { envelopeOf, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase } from '../postgres/testing.js';
import { actionsOn } from './actions.js';
import { commandLine } from './options.js';

let fails = false;

@Reactions({ service: 'shipping' })
class Probe {
  @On(PaymentCharged)
  async book(_: Envelope<typeof PaymentCharged>, tx: EntityManager) {
    await tx.query('select 1');
    if (fails) throw new Hopeless('no carrier answers');
  }
}

@Service({ name: 'shipping', title: 'Probe', port: 0 })
@Module({ controllers: [Probe] })
class ProbeModule {}

const token = 'a token for this test';
let service: TestedService;
let drop: () => Promise<void>;
let folder: string;
let confirmed: boolean;
let notAllHandled: boolean;

beforeAll(async () => {
  const fresh = await freshDatabase();
  drop = fresh.drop;
  service = await startForTest(ProbeModule, { url: fresh.url, variables: { OPS_TOKEN: token } });
  folder = await mkdtemp(join(tmpdir(), 'dlq-'));
});
beforeEach(async () => {
  fails = false;
  confirmed = true;
  notAllHandled = false;
  vi.stubEnv('OPS_TOKEN', token);
  await service.query('truncate dead_letter, dead_letter_audit, dead_letter_replay restart identity');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await service.close();
  await drop();
  await rm(folder, { recursive: true });
});

/** What the command prints. */
async function dlq(command: string, ...args: string[]): Promise<string> {
  const printed: string[] = [];
  const terminal = {
    width: 200,
    print: (text: string) => void printed.push(stripVTControlCharacters(text)),
    confirm: async (question: string) => (printed.push(question), confirmed),
    onLeave: () => () => undefined,
  };
  const program = commandLine(actionsOn(terminal, () => (notAllHandled = true)));
  const common = ['--service', 'shipping', '--url', service.http, '--by', 'ada'];
  await program.parseAsync([command, ...common, ...args], { from: 'user' });
  return printed.join('\n');
}

const charged = (orderId: string = uuidv7()) =>
  envelopeOf(PaymentCharged({ orderId, chargeId: 'ch', amountCents: 100 }));

async function setAside(count: number): Promise<void> {
  fails = true;
  for (let n = 0; n < count; n++) await service.deliver([charged()]);
  fails = false;
}

it('shows what there is: by cause, one by one, and one as a whole', async () => {
  expect(await dlq('groups')).toBe('There is no open dead letter.');
  await setAside(3);
  expect(await dlq('groups')).toMatch(
    /\n[0-9a-f]{12} +3 +payment\.charged +hopeless .*3 +Hopeless: no carrier answers$/,
  );
  const listed = await dlq('list', '--limit', '2');
  expect(listed.split('\n').map((line) => line.split(' ')[0])).toEqual(['id', '3', '2']);
  expect(await dlq('list', '--type', 'order.placed')).toBe('There is no such dead letter.');
  expect(await dlq('show', '2')).toMatch(
    /^dead letter 2 {2}open, hopeless after 1 attempt\n[^]*"chargeId": "ch"[^]*at /,
  );
});

it('replays one, or all of a kind, and says how it ended', async () => {
  await setAside(3);
  expect(await dlq('replay', '2')).toBe('replay 1 of 1 dead letters\nreplay 1: 1 of 1 handled, 0 failed again.');
  fails = true;
  expect(await dlq('replay', '--all')).toMatch(/replay 2: 0 of 2 handled, 1 failed again, 1 left open\. The first one/);
  expect(notAllHandled).toBe(true);
  fails = false;
  const told = await dlq('replay', '--type', 'payment.charged', '--rate', '1000', '--no-canary');
  expect(told).toContain('replay 3: 2 of 2 handled, 0 failed again.');
  expect(await dlq('replay', '--resume', '3')).toContain('2 of 2 handled');
  expect(await dlq('stop', '3')).toMatch(/^replay 3: 2 of 2 handled/);
});

it('shows where an edited body differs before it is replayed', async () => {
  const order = charged();
  await service.deliverRaw(encode(order).headers, Buffer.from(JSON.stringify({ ...order.data, amountCents: '100' })));
  const file = join(folder, 'mended.json');
  await writeFile(file, JSON.stringify(order.data));
  confirmed = false;
  expect(await dlq('replay', '1', '--body', file)).toBe('/amountCents\n- "100"\n+ 100\nReplay it like this?');
  expect(await dlq('list')).toContain('malformed');
  confirmed = true;
  expect(await dlq('replay', '1', '--body', file)).toContain('1 of 1 handled');
  expect(await dlq('show', '1')).toMatch(/what was done\n {2}.* ada {2}edit\n {4}\/amountCents\n[^]*replay 1$/);
});

it('discards', async () => {
  await setAside(2);
  expect(await dlq('discard', '1', '2', '--reason', 'test orders')).toBe(
    'dead letter 1 is discarded\ndead letter 2 is discarded',
  );
  expect(await dlq('list', '--state', 'all')).toMatch(/discarded[^]*discarded/);
});

it.each(['list', 'groups', 'show 1', 'replay 1', 'replay --resume 1', 'stop 1'])(
  'does not take one service for another: %s',
  async (line) => {
    const [command = '', ...args] = line.split(' ');
    await expect(dlq(command, ...args, '--service', 'payment')).rejects.toThrow(/: This is shipping, not payment$/);
  },
);

it('says in one line what is wrong', async () => {
  await setAside(1);
  await expect(dlq('show', '4711')).rejects.toThrow(/^shipping at http:.*: There is no dead letter 4711$/);
  await expect(dlq('replay', '--key', 'nobody')).rejects.toThrow(/No open dead letter matches$/);
  await expect(dlq('replay', '1', '--body', join(folder, 'missing.json'))).rejects.toThrow(/^--body: ENOENT/);
  await writeFile(join(folder, 'wrong.json'), '{}');
  await expect(dlq('replay', '1', '--body', join(folder, 'wrong.json'))).rejects.toThrow(
    /: --body: payment\.charged v1: .*$/,
  );
  vi.stubEnv('OPS_TOKEN', 'another token, not this');
  await expect(dlq('list')).rejects.toThrow('OPS_TOKEN is not the one that shipping was started with');
});
