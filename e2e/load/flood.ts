import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { bodyOf, type OrderRequest } from '../world.js';

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: { readonly orderId?: string; readonly type?: string };
}

const NO_ANSWER: Answer = { status: 0, headers: {}, body: {} };

export interface Flood {
  /** Answers by HTTP status; 0 is none. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly accepted: readonly string[];
  /** One of those who were turned away. */
  readonly turnedAway: Answer | undefined;
  readonly seconds: number;
}

/** Clients that send order upon order, each at once after the last answer, whatever that was. */
export async function flood(url: string, clients: number, seconds: number): Promise<Flood> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const statuses = new Map<number, number>();
  const accepted: string[] = [];
  let turnedAway: Answer | undefined;
  const until = performance.now() + seconds * 1000;
  const client = async () => {
    while (performance.now() < until) {
      const answer = await placeOnce(url, {}, agent).catch(() => NO_ANSWER);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.body.orderId) accepted.push(answer.body.orderId);
      if (answer.status === 503) turnedAway ??= answer;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  return { statuses, accepted, turnedAway, seconds };
}

/** Sends so many orders a second, evenly, without waiting for answers; resolves with what became of all. */
export async function drizzle(
  url: string,
  perSecond: number,
  seconds: number,
  order: (n: number) => OrderRequest,
): Promise<readonly Answer[]> {
  const answers: Promise<Answer>[] = [];
  const startedAt = performance.now();
  for (let n = 0; n < perSecond * seconds; n++) {
    await pause(Math.max(0, startedAt + (n * 1000) / perSecond - performance.now()));
    answers.push(placeOnce(url, order(n)).catch(() => NO_ANSWER));
  }
  return Promise.all(answers);
}

/** One request; nothing is tried again. */
export function placeOnce(url: string, order: OrderRequest = {}, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(`${url}/orders`, { method: 'POST', headers, ...(agent ? { agent } : {}) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: JSON.parse(text) as Answer['body'],
        }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(bodyOf(order)));
  });
}
