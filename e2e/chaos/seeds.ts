import type { Store } from '../stores.js';

/** Short scenarios, played with every run of the tests: within 20 s they bring together nearly all kinds of faults. */
export const STEADY: Readonly<Record<Store['name'], number>> = { postgres: 1380, rabbitmq: 2754, kafka: 325 };
export const STEADY_STEPS = 8;
