/** The pages of findings, at `/docs/why/<id>`: what it means, how sure, what to do, how to see it for yourself. [X2] */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { INestApplication } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';

/** In the checkout and in the package it stands beside `dist`. */
const FOLDER = new URL('../../docs/why/', import.meta.url);
const PAGE = /^([a-z_]+)\.md$/;

/** Serves a page for each file; one is rendered when it is first asked for, and kept. */
export function serveWhyPages(app: INestApplication): void {
  const server = app.getHttpAdapter();
  if (!app.get<SwitchboardConfig>(SWITCHBOARD_CONFIG).pages.includes('docs')) return;
  for (const file of readdirSync(FOLDER)) {
    const id = PAGE.exec(file)?.[1];
    if (id === undefined) continue;
    let page: Promise<string> | undefined;
    server.get(`/docs/why/${id}`, (_request: Request, response: Response, next?: Function) => {
      page ??= render(new URL(file, FOLDER));
      page.then(
        (body) =>
          response
            .set({ 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' })
            .send(body),
        (failure: unknown) => {
          page = undefined;
          next?.(failure);
        },
      );
    });
  }
}

async function render(file: URL): Promise<string> {
  // Not before somebody reads one.
  const [{ marked }, text] = await Promise.all([import('marked'), readFile(file, 'utf8')]);
  const title = /^# (.*)$/m.exec(text)?.[1] ?? 'Why';
  const body = await marked.parse(text.replaceAll(/\]\(([a-z_]+)\.md\)/g, ']($1)'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} – Switchboard</title>
<link rel="stylesheet" href="../viewer.css">
</head>
<body>
<main>
${body}</main>
</body>
</html>
`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
