/**
 * Thrown by a reaction that can never succeed for this message: it goes to the dead letters at once.
 * Any other error is taken as transient and tried again.
 */
export class Hopeless extends Error {
  override readonly name: string = 'Hopeless';
}

/**
 * Thrown by the handler of a command that was not tried, since it cannot succeed now: what it calls is known to be down. The command waits
 * where it is, in the order of its key, and no attempt is counted.
 */
export class Postponed extends Error {
  override readonly name: string = 'Postponed';
  constructor(
    message: string,
    /** Milliseconds until it is worth another look. */
    readonly inMs: number,
  ) {
    super(message);
  }
}

/** A consumer group is to be created, and there is one of that name. */
export class GroupExists extends Error {
  override readonly name = 'GroupExists';
  constructor(readonly group: string) {
    super(`there is a consumer group ${group} already; choose another name`);
  }
}
