/** How long is waited for what another fault has broken meanwhile, also on a busy machine. */
export const PATIENCE_MS = 120_000;
