import { Module } from '@nestjs/common';
import { ConsoleController } from './console.controller.js';

/** The operator's page at `/console`, which works with `SwitchboardApiModule`. Needs the global module. [G1] */
@Module({ controllers: [ConsoleController] })
export class ConsoleModule {}
