import { Module } from '@nestjs/common';
import { ClientBundles } from './client-bundles.js';
import { PlaygroundController } from './playground.controller.js';

/** The landing page. Needs `SWITCHBOARD_CONFIG` from a global module. [L8] */
@Module({ controllers: [PlaygroundController], providers: [ClientBundles] })
export class PlaygroundModule {}
