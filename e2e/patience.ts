/** Longest that is waited for an order, or for what was broken to work again, also on a busy machine. Milliseconds. */
export const PATIENCE_MS = 120_000;
