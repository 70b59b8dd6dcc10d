export { violationsIn } from './invariants.js';
export { mailIn } from './mail.js';
export type { Level, System } from './system.js';
