/** Interactive documentation at `/docs`, the description of the API at `/openapi.json`. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { INestApplication } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';

/** In the checkout and in the package it stands beside `dist`; made by `npm run docs`. */
const DOCUMENT = new URL('../../docs/openapi.json', import.meta.url);

const FILES: Readonly<Record<string, readonly [type: string, file: URL]>> = {
  docs: ['text/html; charset=utf-8', viewer('viewer.html')],
  'docs/viewer.js': ['text/javascript; charset=utf-8', viewer('viewer.js')],
  'docs/example.js': ['text/javascript; charset=utf-8', viewer('example.js')],
  'docs/viewer.css': ['text/css; charset=utf-8', viewer('viewer.css')],
  'openapi.json': ['application/json; charset=utf-8', DOCUMENT],
};

/**
 * Serves the pages; a file is read when it is first asked for, and kept.
 *
 * The viewer is the gateway's own. Swagger UI brings a package that runs a script at whoever installs it and reports
 * that to its maker, and weighs 11 MB.
 */
export function serveApiDocs(app: INestApplication): void {
  const server = app.getHttpAdapter();
  const { pages } = app.get<SwitchboardConfig>(SWITCHBOARD_CONFIG);
  for (const [path, [type, file]] of Object.entries(FILES)) {
    if (!pages.includes(path === 'openapi.json' ? 'openapi' : 'docs')) continue;
    let content: Promise<Buffer> | undefined;
    server.get(`/${path}`, (request: Request, response: Response, next?: Function) => {
      // The links of the page are relative, so that a proxy may put the gateway under any path.
      if (request.path.endsWith('/')) return response.redirect(302, `../${path}`);
      content ??= readFile(fileURLToPath(file));
      content.then(
        (body) => response.set({ 'Content-Type': type, 'Cache-Control': 'no-cache' }).send(body),
        (failure: unknown) => {
          // A failed read is not remembered.
          content = undefined;
          next?.(failure);
        },
      );
    });
  }
}

function viewer(name: string): URL {
  return new URL(`./viewer/${name}`, import.meta.url);
}
