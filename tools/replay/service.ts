import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { readFileSync } from 'node:fs';
import { defaultPorts, portOffset } from '../platform/apps.js';
import { developmentToken, isLoopback } from '../platform/ops-token.js';
import type { Options } from './options.js';

/** The service did not do it; the message says why, and what to do. */
export class NotDone extends Error {
  override readonly name = 'NotDone';
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

/** The options by which fields of a request are known on the command line. */
const OPTIONS: Readonly<Record<string, string>> = { name: '--as-new', from: '--from', service: '--service' };

export function urlOf({ service, url }: Options): string {
  return url ?? `http://127.0.0.1:${defaultPorts.first + portOffset[service]}`;
}

/** Asks the service, however long it takes. @throws NotDone */
export async function ask<T>(options: Options, path: string, body: object): Promise<T> {
  const url = urlOf(options);
  const answer = await post(`${url}${path}`, tokenFor(url), { service: options.service, ...body }).catch(
    ({ code, message }: NodeJS.ErrnoException) => {
      const why = code ?? message;
      throw new NotDone(
        `${options.service} does not answer at ${url} (${why}); start it with npm start, or say where it is with --url`,
      );
    },
  );
  if (answer.status < 300) return answer.body as T;
  throw new NotDone(refusal(answer, options, url));
}

function tokenFor(url: string): string {
  const { OPS_TOKEN, OPS_TOKEN_FILE } = process.env;
  if (OPS_TOKEN) return OPS_TOKEN;
  if (OPS_TOKEN_FILE) return readFileSync(OPS_TOKEN_FILE, 'utf8').trim();
  if (isLoopback(new URL(url).hostname)) return developmentToken;
  throw new NotDone('OPS_TOKEN is not set: it is the token that the service was started with');
}

function refusal({ status, body }: { status: number; body: unknown }, { service }: Options, url: string): string {
  if (status === 401) return `OPS_TOKEN is not the one that ${service} was started with; set it to that`;
  if (status === 403) return `${service} was started without OPS_TOKEN; start it with one, and set it here too`;
  if (status === 404) return `what runs at ${url} is no service of this version; say where it is with --url`;
  const { title = `status ${status}`, detail, errors = [] } = (body ?? {}) as Problem;
  const fields = errors.map(({ field, message }) => `${OPTIONS[field] ?? field}: ${message}`);
  const reasons = fields.length > 0 ? fields : [title, ...(detail ? [detail] : [])];
  return `${service} at ${url}: ${reasons.join('; ')}`;
}

function post(url: string, token: string, body: object): Promise<{ status: number; body: unknown }> {
  const request = url.startsWith('https:') ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const sent = request(url, { method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
