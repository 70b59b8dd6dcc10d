import type { TransportLog } from '#libs/messaging';

/** A log that nobody reads. */
export const silent: TransportLog = { debug() {}, info() {}, warn() {}, error() {} };
