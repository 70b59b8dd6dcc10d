import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { services } from '../tools/platform/apps.js';
import { bodyOf, type OrderRequest, type OrderView, type World } from './world.js';

/** Requests at one replica of the order service, one after the other. */
const EVERY_MS = 1_000;
const MIX: readonly OrderRequest[] = [{}, { token: 'tok_declined' }, { country: 'AQ' }, {}];

export interface Restarted {
  readonly accepted: readonly string[];
  /** Taken by a service, which then gave no answer, or another than that it accepts or is leaving. */
  readonly broken: readonly string[];
  /** What the services logged as gone wrong meanwhile. */
  readonly complaints: readonly string[];
}

/** Restarts these replicas of every service in order, one at a time, while orders are placed at both replicas of the order service. */
export async function restartAll(world: World, replicas: readonly number[]): Promise<Restarted> {
  const accepted: string[] = [];
  const broken: string[] = [];
  let placing = true;
  const client = async (replica: number) => {
    for (let n = 0; placing; n++) {
      const [key, order] = [crypto.randomUUID(), MIX[n % MIX.length]!];
      let answer = await post(world.platform.url('order', replica), order, key);
      for (let other = 1; TURNED_AWAY.has(answer.status); other++) {
        answer = await post(world.platform.url('order', (replica + other) % 2), order, key);
        if (answer.replayed) broken.push(`${answer.orderId} was placed and not answered`);
        await pause(EVERY_MS);
      }
      if (answer.orderId) accepted.push(answer.orderId);
      else broken.push(answer.status);
      await pause(EVERY_MS);
    }
  };
  const clients = [client(0), client(1)];
  const since = new Date().toISOString();
  try {
    for (const service of services) {
      for (const replica of replicas) await world.platform.restart(service, replica);
    }
  } finally {
    placing = false;
    await Promise.all(clients);
  }
  world.placed.push(...accepted);
  await world.untilAllSettled(accepted);
  return { accepted, broken, complaints: (await linesOf(world)).filter((line) => isComplaint(line, since)) };
}

/** Not listening, or no longer: whoever comes in that moment is asked to come again. */
const TURNED_AWAY = new Set(['ECONNREFUSED', 'ECONNRESET', '503']);

interface Answer {
  readonly status: string;
  readonly orderId?: string;
  /** An earlier request with this key had placed the order. */
  readonly replayed?: boolean;
}

/** On a connection of its own, as through a load balancer. */
function post(url: string, order: OrderRequest, key: string): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const sent = request(`${url}/orders`, { method: 'POST', agent: false, headers }, (response) => {
      const status = String(response.statusCode);
      if (status !== '202') return resolve({ status });
      const replayed = response.headers['idempotent-replayed'] === 'true';
      json(response).then(
        (placed) => resolve({ status, orderId: (placed as OrderView).orderId, replayed }),
        (error: Error) => resolve({ status: error.message }),
      );
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve({ status: error.code ?? error.message }));
    sent.end(JSON.stringify(bodyOf(order)));
  });
}

async function linesOf(world: World): Promise<string[]> {
  const folder = join(world.platform.dataDir, 'logs');
  const files = (await readdir(folder)).filter((file) => services.some((service) => file.startsWith(service)));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return texts.flatMap((text) => text.split('\n')).filter((line) => line.startsWith('{'));
}

function isComplaint(line: string, since: string): boolean {
  const { level, time, event = '' } = JSON.parse(line) as { level: string; time: string; event?: string };
  if (time < since) return false;
  return level === 'error' || level === 'fatal' || /_(retry|dead_lettered)$/.test(event);
}
