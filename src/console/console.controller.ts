import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import {
  Controller,
  Get,
  Inject,
  NotFoundException,
  Param,
  Req,
  Res,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
// Under names of their own: decorators ask for types by name at run time, and the global ones load Node's whole `fetch`.
import type { Request as PageRequest, Response as PageResponse } from 'express';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { LOOK_FOLDER, PageFiles } from '../http/page-files.js';
import { pageHeaders } from '../http/page-headers.js';
import { PageGuard } from '../http/page.guard.js';
import { ProblemFilter } from '../http/problem.filter.js';
import { ApiExcludeController } from '../platform/openapi-metadata.js';
import { BrowserModules } from './browser-modules.js';

const VIEW = new URL('./views/console.html', import.meta.url);
const PUBLIC_FOLDER = new URL('./public/', import.meta.url);

/** What the page leads to, where the gateway serves it. */
const OTHER_PAGES = [
  ['playground', '<a href="./">Playground</a>'],
  ['docs', '<a href="docs">API docs</a>'],
] as const;

/**
 * The operator's page with its scripts and libraries. [G1]
 *
 * Nothing of it is secret: what it shows it asks the HTTP API for, with the key that its user gives it. [G2]
 */
@ApiExcludeController()
@Controller({ path: 'console', version: VERSION_NEUTRAL })
@UseGuards(PageGuard('console'))
@UseFilters(ProblemFilter)
export class ConsoleController {
  #page?: Promise<string>;
  readonly #files = new PageFiles(PUBLIC_FOLDER, LOOK_FOLDER);
  readonly #modules = new BrowserModules();

  constructor(@Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig) {}

  @Get()
  async page(@Req() request: PageRequest, @Res() response: PageResponse): Promise<void> {
    // The links of the page are relative, so that a proxy may put the gateway under any path.
    if (request.path.endsWith('/')) return response.redirect(302, '../console');
    this.#page ??= this.#render();
    response.set(pageHeaders()).send(await this.#page);
  }

  /** A failure to read is not remembered: the next request tries again. */
  async #render(): Promise<string> {
    const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
    try {
      const view = await readFile(VIEW, 'utf8');
      const { mode, pages } = this.config;
      const links = OTHER_PAGES.filter(([page]) => pages.includes(page)).map(([, link]) => link);
      return view
        .replaceAll('{{mode}}', mode)
        .replaceAll('{{version}}', version)
        .replace('{{links}}', links.join('\n        '));
    } catch (failure) {
      this.#page = undefined;
      throw failure;
    }
  }

  @Get(':file')
  file(@Param('file') file: string, @Res() response: PageResponse): Promise<void> {
    return this.#files.send(file, response);
  }

  @Get('modules/:file')
  async module(@Param('file') file: string, @Res() response: PageResponse): Promise<void> {
    const module = await this.#modules.find(file);
    if (module === undefined) throw new NotFoundException();
    response
      .set({
        'Content-Type': module.type,
        'Cache-Control': 'public, max-age=3600',
        'X-Content-Type-Options': 'nosniff',
      })
      .send(module.body);
  }
}
