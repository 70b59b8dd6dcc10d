import { Signal, type MessagingMetrics, type TransportLog } from '#libs/messaging';
import { isDatabaseDown } from './database-errors.js';
import type { DeadLetterReplays } from './dead-letters-replay.js';

const STEP_MS = 100;
const IDLE_MS = 2_000;
/** How long a replay rests whose step failed. */
const REST_MS = 10_000;

export interface ReplayerParts {
  /** Types that are handled here: what else stands in a letter is no label of a metric. */
  readonly types: readonly string[];
  readonly replays: DeadLetterReplays;
  readonly log: TransportLog;
  readonly metrics: MessagingMetrics;
  /** Due work was committed. */
  readonly onDue: () => void;
}

/** Moves replays on, as one of the replicas that do; a replay goes on wherever one lives. */
export class DeadLetterReplayer {
  private readonly woken = new Signal();
  /** Replays whose last step failed, and until when they rest. */
  private readonly resting = new Map<string, number>();
  private stopping = false;
  private loop: Promise<void> | undefined;

  constructor(private readonly parts: ReplayerParts) {}

  start(): void {
    this.loop ??= this.run();
  }

  /** A replay was created. */
  wake(): void {
    this.woken.set();
  }

  /** Ends with the step that runs; replays go on after the next start, or in another replica. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.woken.set();
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      let waitMs = IDLE_MS;
      try {
        waitMs = await this.stepAll();
      } catch (error) {
        this.parts.log.debug(
          { event: 'dead_letter_replay_waits', error: String(error) },
          'replays of dead letters wait for the database',
        );
      }
      await this.woken.wait(waitMs);
    }
  }

  /** Resolves with the milliseconds until the next step. One that fails holds up no other. */
  private async stepAll(): Promise<number> {
    const now = performance.now();
    const running = (await this.parts.replays.running()).filter((id) => (this.resting.get(id) ?? now) <= now);
    for (const id of running) {
      this.resting.delete(id);
      try {
        await this.step(id);
      } catch (error) {
        if (isDatabaseDown(error)) throw error;
        this.resting.set(id, now + REST_MS);
        this.parts.log.warn(
          { event: 'dead_letter_replay_failed', replay: id, error: String(error) },
          `replay ${id} of dead letters cannot go on: ${String(error)}`,
        );
      }
    }
    return running.length > 0 ? STEP_MS : IDLE_MS;
  }

  private async step(id: string): Promise<void> {
    const { replays, types, log, metrics, onDue } = this.parts;
    const step = await replays.advance(id);
    if (!step) return;
    const known = (type: string) => (types.includes(type) ? type : 'other');
    for (const type of step.replayed) metrics.deadLetterReplayed(known(type), 'replayed');
    for (const type of step.failed) metrics.deadLetterReplayed(known(type), 'failed');
    if (step.handedOver > 0) onDue();
    if (!step.ended) return;
    const progress = await replays.progress(id);
    const { done = 0, failed = 0, total = 0 } = progress ?? {};
    log.info(
      { event: 'dead_letters_replayed', replay: id, state: step.ended, done, failed, total },
      `replay ${id} of ${total} dead letters: ${step.ended}, ${done} handled, ${failed} failed again`,
    );
  }
}
