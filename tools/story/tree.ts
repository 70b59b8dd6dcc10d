import * as contracts from '#libs/contracts';

/** An event as order remembers it. Of its own events it does not keep the id. */
export interface Fact {
  readonly type: string;
  readonly service: string;
  readonly time: string;
  readonly id?: string;
  readonly causationId?: string;
  readonly sequence?: number;
  readonly detail?: string;
}

/** What became of a message in a service. */
export interface Handling {
  readonly service: string;
  readonly id: string;
  readonly type: string;
  readonly causationId: string | null;
  readonly attempts: number;
  readonly duplicates: number;
  /** It is to be tried, or tried again. */
  readonly waiting?: boolean;
  /** It was set aside. */
  readonly deadLetter?: { readonly id: string; readonly reason: string };
}

/** A message, and what follows from it. */
export interface Told {
  readonly type: string;
  readonly kind: 'event' | 'command';
  /** Whether it undoes something. */
  readonly compensates: boolean;
  /** Who stated the event, or gave itself the command. */
  readonly service: string;
  readonly time?: string;
  readonly detail?: string;
  readonly sequence?: number;
  readonly handledBy: readonly Omit<Handling, 'id' | 'type' | 'causationId'>[];
  readonly followedBy: readonly Told[];
}

interface Known {
  readonly type: string;
  readonly id?: string;
  causationId?: string;
  service?: string;
  fact?: Fact;
  readonly handlings: Handling[];
}

const COMPENSATIONS: ReadonlySet<string> = new Set(
  [contracts.RefundPayment, contracts.PaymentRefunded, contracts.InventoryReleased].map(({ type }) => type),
);

const COMMANDS: ReadonlySet<string> = new Set(
  [contracts.ChargePayment, contracts.RefundPayment, contracts.SendEmail].map(({ type }) => type),
);

/**
 * What happened, each message below the one it follows from. Messages that follow from the same one stand in the order in which their
 * service stated them; between services there is no order, so they stand by name. No clock is asked.
 * What follows from a message that nobody remembers is a root of its own.
 */
export function growTree(history: readonly Fact[], handlings: readonly Handling[]): Told[] {
  const messages = collect(history, handlings);
  const ids = new Set(messages.map(({ id }) => id));
  const isRoot = ({ causationId }: Known) => causationId === undefined || !ids.has(causationId);
  const tell = (message: Known): Told => ({
    ...describe(message),
    followedBy: inOrder(
      messages.filter(({ causationId }) => message.id !== undefined && causationId === message.id).map(tell),
    ),
  });
  return inOrder(messages.filter(isRoot).map(tell));
}

function collect(history: readonly Fact[], handlings: readonly Handling[]): Known[] {
  const byId = new Map<string, Known>();
  for (const one of handlings) {
    const { id, type, causationId } = one;
    const known = byId.get(id) ?? { id, type, ...(causationId ? { causationId } : {}), handlings: [] };
    known.handlings.push(one);
    byId.set(id, known);
  }
  const nameless: Known[] = [];
  for (const fact of history) {
    const known =
      (fact.id === undefined
        ? [...byId.values()].find(({ type, fact: taken }) => type === fact.type && !taken)
        : byId.get(fact.id)) ??
      ({ type: fact.type, ...(fact.id ? { id: fact.id } : {}), handlings: [] } satisfies Known);
    known.fact = fact;
    if (fact.causationId) known.causationId ??= fact.causationId;
    if (known.id === undefined) nameless.push(known);
    else byId.set(known.id, known);
  }
  return [...byId.values(), ...nameless];
}

function describe({ type, fact, handlings }: Known): Omit<Told, 'followedBy'> {
  const isCommand = COMMANDS.has(type);
  return {
    type,
    kind: isCommand ? 'command' : 'event',
    compensates: COMPENSATIONS.has(type),
    service: fact?.service ?? (isCommand ? handlings[0]?.service : type.split('.')[0]) ?? '',
    ...(fact ? { time: fact.time } : {}),
    ...(fact?.detail ? { detail: fact.detail } : {}),
    ...(fact?.sequence === undefined ? {} : { sequence: fact.sequence }),
    handledBy: handlings
      .map(({ id: _id, type: _type, causationId: _causationId, ...one }) => one)
      .toSorted((one, other) => one.service.localeCompare(other.service)),
  };
}

function inOrder(told: readonly Told[]): Told[] {
  return told.toSorted(
    (one, other) =>
      one.service.localeCompare(other.service) ||
      (one.sequence ?? Number.MAX_SAFE_INTEGER) - (other.sequence ?? Number.MAX_SAFE_INTEGER) ||
      one.type.localeCompare(other.type),
  );
}
