import { Injectable } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import type { Standing } from './order.js';

const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** How long orders take from placed to settled. Recorded before the commit: an order counts again when its transaction is rolled back and tried again. */
@Injectable()
export class Settling {
  private readonly duration = metrics.getMeter('farandole.order').createHistogram('farandole.order.settled.duration', {
    description: 'Time from placed to settled, by how the order ended',
    unit: 's',
    advice: { explicitBucketBoundaries: SECONDS },
  });

  record(placedAt: Date, { status, reason }: Standing): void {
    this.duration.record((Date.now() - placedAt.getTime()) / 1000, { outcome: reason ?? status });
  }
}
