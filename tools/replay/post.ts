import { type Addressee, request } from '../ops.js';

/** The options by which fields of a request are known on the command line. */
const OPTIONS = { name: '--as-new', from: '--from', service: '--service' };

/** Has the service do it, however long it takes. @throws NotDone */
export function post<T>(to: Addressee, path: string, body: object): Promise<T> {
  return request<T>(to, { method: 'POST', path, body: { service: to.service, ...body }, options: OPTIONS });
}
