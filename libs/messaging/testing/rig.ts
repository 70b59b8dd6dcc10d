import type { Transport, TransportOptions } from '../src/index.js';

/** One store under test, as the conformance suite needs it. Tests that need an absent ability are skipped. */
export interface Rig {
  /** A transport of its own process-like identity; the suite closes it. Resolves even while the store is down. */
  connect(options: TransportOptions): Promise<Transport>;
  /** Ends the store at once, as kill -9 does; absent where there is no store to end. */
  readonly kill?: () => Promise<void>;
  /** Starts it again with its data and resolves once it accepts connections. */
  readonly restart?: () => Promise<void>;
  /** What lies between the transports and the store; absent where nothing does. */
  readonly network?: Network;
  /** Ends a transport as a killed process would: connections cut for good, nothing settled or handed back.
   *  The suite does not close it any more: the rig sees to it that nothing of it stays behind. */
  crash(transport: Transport): Promise<void>;
  /** Ends the store and removes its data. */
  dispose(): Promise<void>;
}

/** The network between all transports of a rig and its store. */
export interface Network {
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Connections stay open, but nothing goes through. */
  hang(): Promise<void>;
  /** Whatever the store sends arrives so much later. */
  slow(latencyMs: number): Promise<void>;
  /** Everything goes through again. */
  restore(): Promise<void>;
}
