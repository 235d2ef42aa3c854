import { type CanActivate, Inject, Injectable, mixin, NotFoundException, type Type } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { PageName } from '../config/values.js';

/** Answers as if there were no such route where the page is turned off by `SWITCHBOARD_PAGES`. */
export function PageGuard(page: PageName): Type<CanActivate> {
  @Injectable()
  class Guard implements CanActivate {
    constructor(@Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig) {}

    canActivate(): boolean {
      if (this.config.pages.includes(page)) return true;
      throw new NotFoundException();
    }
  }
  return mixin(Guard);
}
