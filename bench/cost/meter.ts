import { services } from '../../tools/platform/index.js';
import type { System } from '../system.js';
import { DatabaseMeter, type DatabaseCounters } from './database.js';
import { cpuOf, ownCpuOf } from './processes.js';

/** What one order cost, on average. */
export interface CostPerOrder {
  readonly orders: number;
  /** CPU time in microseconds. */
  readonly cpu: {
    readonly services: Readonly<Record<string, number>>;
    readonly provider: number;
    readonly postgres: number;
    /** 0 where there is none, or where its processes cannot be seen. */
    readonly broker: number;
    /** The bench itself: not part of the cost, but it takes from the same machine. */
    readonly bench: number;
  };
  readonly writeTransactions: number;
  readonly walSyncs: number;
  readonly statements: number;
  readonly walBytes: number;
  readonly eventsStated: number;
  readonly deliveriesClaimed: number;
}

interface Reading {
  readonly counters: DatabaseCounters;
  readonly cpu: ReadonlyMap<string, number>;
}

/** Reads what the system has used up, before and after a number of orders. */
export class Meter {
  private begun: Reading | undefined;

  private constructor(
    private readonly system: System,
    readonly database: DatabaseMeter,
  ) {}

  static async start(system: System): Promise<Meter> {
    return new Meter(system, await DatabaseMeter.start(system.world.platform.postgres.url));
  }

  async begin(): Promise<void> {
    this.begun = await this.read();
  }

  async end(orders: number): Promise<CostPerOrder> {
    const { begun } = this;
    if (!begun) throw new Error('the meter was not begun');
    const ended = await this.read();
    const cpu = (name: string) => ((ended.cpu.get(name) ?? 0) - (begun.cpu.get(name) ?? 0)) / orders;
    const counted = (name: keyof DatabaseCounters) => (ended.counters[name] - begun.counters[name]) / orders;
    return {
      orders,
      cpu: {
        services: Object.fromEntries(services.map((service) => [service, cpu(service)])),
        provider: cpu('payment-provider'),
        postgres: cpu('postgres'),
        broker: cpu('broker'),
        bench: cpu('bench'),
      },
      writeTransactions: counted('writeTransactions'),
      walSyncs: counted('walSyncs'),
      statements: counted('statements'),
      walBytes: counted('walBytes'),
      eventsStated: counted('stated'),
      deliveriesClaimed: counted('claimed'),
    };
  }

  async stop(): Promise<void> {
    await this.database.stop();
  }

  private async read(): Promise<Reading> {
    const { platform } = this.system.world;
    const cpu = new Map<string, number>();
    for (const { plan, pid } of platform.processes) {
      if (pid !== undefined) cpu.set(plan.app, (cpu.get(plan.app) ?? 0) + cpuOf([pid]));
    }
    cpu.set('postgres', cpuOf([platform.postgres.pid]));
    cpu.set('broker', cpuOf(this.system.broker));
    cpu.set('bench', ownCpuOf(process.pid));
    return { cpu, counters: await this.database.counters() };
  }
}
