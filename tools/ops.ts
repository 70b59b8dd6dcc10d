import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { readFileSync } from 'node:fs';
import { defaultPorts, portOffset, type ServiceName } from './platform/apps.js';
import { developmentToken, isLoopback } from './platform/ops-token.js';

/** The service did not do it; the message says why, and what to do. */
export class NotDone extends Error {
  override readonly name = 'NotDone';
}

/** Which service, and where, if not where `npm start` runs it. */
export interface Addressee {
  readonly service: ServiceName;
  readonly url?: string;
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** The options by which fields of the request are known on the command line. */
  readonly options?: Readonly<Record<string, string>>;
}

interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

function urlOf({ service, url }: Addressee): string {
  return url ?? `http://127.0.0.1:${defaultPorts.first + portOffset[service]}`;
}

/** Asks the service with its token, however long it takes. @throws NotDone */
export async function request<T>(to: Addressee, { method, path, body, options = {} }: Question): Promise<T> {
  const url = urlOf(to);
  const answer = await send(method, `${url}${path}`, tokenFor(url), body).catch(
    ({ code, message }: NodeJS.ErrnoException) => {
      const why = code ?? message;
      throw new NotDone(
        `${to.service} does not answer at ${url} (${why}); start it with npm start, or say where it is with --url`,
      );
    },
  );
  if (answer.status < 300) return answer.body as T;
  throw new NotDone(refusal(answer, to.service, url, options));
}

function tokenFor(url: string): string {
  const { OPS_TOKEN, OPS_TOKEN_FILE } = process.env;
  if (OPS_TOKEN) return OPS_TOKEN;
  if (OPS_TOKEN_FILE) return tokenIn(OPS_TOKEN_FILE);
  if (isLoopback(new URL(url).hostname)) return developmentToken;
  throw new NotDone('OPS_TOKEN is not set: it is the token that the service was started with');
}

function tokenIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new NotDone(`OPS_TOKEN_FILE: ${(error as Error).message}`);
  }
}

function refusal(
  { status, body }: { status: number; body: unknown },
  service: ServiceName,
  url: string,
  options: Readonly<Record<string, string>>,
): string {
  const { type = '', title = `status ${status}`, detail, errors = [] } = (body ?? {}) as Problem;
  if (status === 401) return `OPS_TOKEN is not the one that ${service} was started with; set it to that`;
  if (status === 403) return `${service} was started without OPS_TOKEN; start it with one, and set it here too`;
  if (status === 404 && !type.startsWith('urn:farandole:')) {
    return `what runs at ${url} is no service of this version; say where it is with --url`;
  }
  const fields = errors.map(({ field, message }) => `${options[field] ?? field}: ${message}`);
  const reasons = fields.length > 0 ? fields : [title, ...(detail ? [detail] : [])];
  return `${service} at ${url}: ${reasons.join('; ')}`;
}

function send(method: string, url: string, token: string, body?: object): Promise<{ status: number; body: unknown }> {
  const begin = url.startsWith('https:') ? requestTls : requestPlain;
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) };
    const sent = begin(url, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
