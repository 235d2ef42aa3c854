import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NotFoundException } from '@nestjs/common';
import type { Response } from 'express';

/** The look that all pages of the gateway share: design tokens, the choice of light and dark, the logo. */
export const LOOK_FOLDER = new URL('./look/', import.meta.url);

/**
 * The scripts, styles and pictures of a page, out of folders of the gateway.
 *
 * They are served by routes, from a list of names, and not by a static folder on the app: an app that imports the module
 * keeps its own static settings, and no request can name a path outside. The list is made at the first request.
 */
export class PageFiles {
  readonly #folders: readonly URL[];
  #names?: Promise<ReadonlyMap<string, string>>;

  /** @param folders where the files stand; no name is in two of them */
  constructor(...folders: URL[]) {
    this.#folders = folders;
  }

  /** Sends a file; revalidated each time, so that an upgraded gateway never runs with an old page. */
  async send(name: string, response: Response): Promise<void> {
    const path = (await this.#list()).get(name);
    if (path === undefined) throw new NotFoundException();
    response.set({ 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' });
    await new Promise<void>((resolve, reject) => {
      response.sendFile(name, { root: dirname(path), cacheControl: false }, (error?: Error) => {
        // A browser that goes away in the middle of a file is not a failure of the gateway.
        if (error === undefined || response.headersSent) resolve();
        else reject(error);
      });
    });
  }

  /** A failure is not remembered: the next request tries again. */
  async #list(): Promise<ReadonlyMap<string, string>> {
    this.#names ??= namesIn(this.#folders);
    try {
      return await this.#names;
    } catch (failure) {
      this.#names = undefined;
      throw failure;
    }
  }
}

async function namesIn(folders: readonly URL[]): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await readdir(folder)) names.set(name, fileURLToPath(new URL(name, folder)));
  }
  return names;
}
