import { crc32 } from 'node:zlib';

/** Topic exchange that every event goes to; the routing key is the event's type. */
export const EVENTS = 'events';
/** Stream of everything published. */
export const LOG = 'events.log';

/** Exchange that stands for a group which is being created, or whose creation was broken off. */
export function unfinishedOf(service: string): string {
  return `${service}.unfinished`;
}

export function queueOf(service: string, lane: number): string {
  return `${service}.${lane}`;
}

/** Most queues of a service. All who publish have to agree on it: it decides where the messages of a key go. */
export const SLOTS = 32;

/** What the publisher has the messages of a key routed by; each queue of a service is bound to its share of all slots. */
export function slotOf(key: string): string {
  return slot(crc32(key) % SLOTS);
}

/** The slots that a queue takes where a service has so many. */
export function slotsOf(lane: number, lanes: number): string[] {
  return Array.from({ length: Math.ceil((SLOTS - lane) / lanes) }, (_, n) => slot(lane + n * lanes));
}

function slot(n: number): string {
  return `slot.${n}`;
}

/**
 * Fanout exchange for what comes to a service without a slot, from a publisher that is none of ours. The broker compares its name whenever the service's exchange
 * is declared, so the name tells how many lanes there are: to bind slots to 4 queues here and to 8 there would tear keys apart.
 */
export function slotlessOf(service: string, lanes: number): string {
  return `${service}.slotless.${lanes}-lanes`;
}
