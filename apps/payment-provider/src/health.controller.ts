import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

@ApiTags('health')
@Controller('health')
export class HealthController {
  @Get('live')
  live() {
    return { status: 'ok' };
  }

  /** Ready during a switched-on outage too: that is the bank's, not this process's. */
  @Get('ready')
  ready() {
    return { status: 'ok' };
  }
}
