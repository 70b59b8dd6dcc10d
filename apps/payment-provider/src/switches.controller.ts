import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { SwitchBoard, Switches } from './switches.js';

@ApiTags('switches')
@Controller('switches')
export class SwitchesController {
  constructor(private readonly board: SwitchBoard) {}

  @Get()
  show(): Switches {
    return this.board.now;
  }

  /** What is left out is switched off. */
  @Put()
  set(@Body({ schema: Switches }) switches: Switches): Switches {
    return (this.board.now = switches);
  }
}
