/**
 * Thrown by a reaction that can never succeed for this message: it goes to the dead letters at once.
 * Any other error is taken as transient and tried again.
 */
export class Hopeless extends Error {
  override readonly name: string = 'Hopeless';
}

/** A consumer group is to be created, and there is one of that name. */
export class GroupExists extends Error {
  override readonly name = 'GroupExists';
  constructor(readonly group: string) {
    super(`there is a consumer group ${group} already; choose another name`);
  }
}
