/** Topic exchange that every event goes to; the routing key is the event's type. */
export const EVENTS = 'events';
/** Stream of everything published. */
export const LOG = 'events.log';
/** Direct exchange for what went back unsettled too often; the routing key is the service. */
export const DEAD = 'events.dead';

export function queueOf(service: string, lane: number): string {
  return `${service}.${lane}`;
}

export function deadQueueOf(service: string): string {
  return `${service}.dead`;
}
