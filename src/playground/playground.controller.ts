import {
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { ApiExcludeController } from '../platform/openapi-metadata.js';
// Under a name of its own: decorators ask for types by name at run time, and the global one loads Node's whole `fetch`.
import type { Response as PageResponse } from 'express';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { PageGuard } from '../http/page.guard.js';
import { LOOK_FOLDER, PageFiles } from '../http/page-files.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { ClientBundles } from './client-bundles.js';
import { PAGE_HEADERS, renderPage } from './playground.page.js';

const PUBLIC_FOLDER = new URL('./public/', import.meta.url);
const ONE_DAY_S = 86_400;

/** Longer than the page's own time limit for this address, and short enough to hold nothing for long. */
const SLOW_ANSWER_MS = 2_000;

/** The landing page with its scripts, styles and client bundles. [L8] */
@ApiExcludeController()
@Controller({ path: '', version: VERSION_NEUTRAL })
@UseFilters(ProblemFilter)
@UseGuards(PageGuard('playground'))
export class PlaygroundController {
  #page?: Promise<string>;
  readonly #files = new PageFiles(PUBLIC_FOLDER, LOOK_FOLDER);

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    @Inject(ClientBundles) private readonly bundles: ClientBundles,
  ) {}

  @Get()
  async page(@Res() response: PageResponse): Promise<void> {
    this.#page ??= this.#render();
    response.set(PAGE_HEADERS).send(await this.#page);
  }

  /** A failure to render is not remembered: the next request tries again. */
  async #render(): Promise<string> {
    const { mode, transports, allowV2Clients, pages, anonymous, handlers } = this.config;
    const asksBackend = handlers.some(({ kind }) => kind === 'connect');
    const wantsToken = mode === 'secured' && !anonymous && !asksBackend;
    const clients = this.bundles.releases.filter(({ generation }) => allowV2Clients || generation !== 'v2');
    try {
      return await renderPage({ mode, transports, clients, pages, wantsToken });
    } catch (failure) {
      this.#page = undefined;
      throw failure;
    }
  }

  /**
   * Where the page points a client to show `connect_timeout`: a handshake that is answered too late.
   *
   * A client's time limit of 0 would not do: on loopback the answer of the real endpoint sometimes wins.
   */
  @Get('playground/slow')
  slow(@Res() response: PageResponse): void {
    const timer = setTimeout(() => response.status(503).end(), SLOW_ANSWER_MS);
    response.once('close', () => clearTimeout(timer));
  }

  @Get('playground/:file')
  publicFile(@Param('file') file: string, @Res() response: PageResponse): Promise<void> {
    return this.#files.send(file, response);
  }

  @Get('playground/clients/:file')
  async clientBundle(@Param('file') file: string, @Res() response: PageResponse): Promise<void> {
    const bundle = await this.bundles.find(file);
    if (bundle === undefined) throw new NotFoundException();
    response
      .set({
        'Content-Type': bundle.type,
        'Cache-Control': `public, max-age=${ONE_DAY_S}`,
        'X-Content-Type-Options': 'nosniff',
      })
      .send(bundle.body);
  }
}
