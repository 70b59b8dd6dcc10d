import type { Store } from '../stores.js';

/** Short scenarios, played with every run of the tests: within 15 s they bring together nearly all kinds of faults. */
export const STEADY: Readonly<Record<Store['name'], number>> = { postgres: 1744, rabbitmq: 769, kafka: 2664 };
export const STEADY_STEPS = 8;
