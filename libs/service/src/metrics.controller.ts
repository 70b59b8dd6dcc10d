import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { METRICS_CONTENT_TYPE, type Metrics } from '#libs/tracing';
import { METRICS } from './tokens.js';

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  constructor(@Inject(METRICS) private readonly metrics: Metrics) {}

  /** Prometheus' text format. */
  @Get()
  @Header('content-type', METRICS_CONTENT_TYPE)
  show(): Promise<string> {
    return this.metrics.render();
  }
}
