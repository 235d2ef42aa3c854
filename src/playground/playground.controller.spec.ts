import { once } from 'node:events';
import { type IncomingMessage, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type INestApplication, Module } from '@nestjs/common';
import type { Response } from 'express';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { ClientBundles } from './client-bundles.js';
import { PlaygroundController } from './playground.controller.js';
import { renderPage } from './playground.page.js';

@Module({
  controllers: [PlaygroundController],
  providers: [ClientBundles, { provide: SWITCHBOARD_CONFIG, useValue: loadConfig({ env: {} }) }],
})
class PlaygroundInSomeApp {}

describe('the playground over HTTP', () => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    app = await NestFactory.create(PlaygroundInSomeApp, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await app.close();
  });

  it('[L8] the landing page forbids inline script and style, and holds none', async () => {
    const response = await fetch(url);
    const page = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=")[^>]*>/);
  });

  it('[L8] everything the page refers to is served by the gateway itself', async () => {
    const page = await (await fetch(url)).text();
    const references = [...page.matchAll(/<\w[^>]*\s(?:src|href|data-source)="([^"#]+)"/g)].map(
      ([, path]) => path!,
    );
    const files = references.filter((path) => path.startsWith('playground/'));
    // Relative, so that the page works behind a proxy that adds a path.
    expect(references.filter((path) => /^(?:\/|\w+:)/.test(path))).toEqual([]);
    expect(files.length).toBeGreaterThanOrEqual(6);
    const answers = await Promise.all(
      files.map(async (path) => [path, (await fetch(`${url}/${path}`)).status]),
    );
    expect(answers).toEqual(files.map((path) => [path, 200]));
  });

  it('[L8] every module that a module imports is served as a script', async () => {
    const seen = new Set<string>();
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const response = await fetch(url + path);
      expect([path, response.status]).toEqual([path, 200]);
      expect(response.headers.get('content-type')).toContain('javascript');
      const script = await response.text();
      const imports = [...script.matchAll(/from '\.\/([\w-]+\.js)'/g)];
      for (const [, name] of imports) await visit(`/playground/${name}`);
    };
    await visit('/playground/main.js');
    expect(seen.size).toBeGreaterThan(8);
  });

  it.each([
    ['v2', '2.5.0'],
    ['v3', '3.1.3'],
    ['v4', '4.8.4'],
  ])('[L8] the %s client is served in release %s with its source map', async (generation, release) => {
    const response = await fetch(`${url}/playground/clients/${generation}.js`);
    const script = await response.text();
    expect(response.headers.get('content-type')).toContain('text/javascript');
    expect(response.headers.get('cache-control')).toBe('public, max-age=86400');
    expect(script).toContain(`v${release}`);
    expect(script.trimEnd().split('\n').at(-1)).toBe(`//# sourceMappingURL=${generation}.js.map`);

    const map = await fetch(`${url}/playground/clients/${generation}.js.map`);
    expect(await map.json()).toMatchObject({ version: 3 });
  });

  it.each([
    '/playground/',
    '/playground/nothing.js',
    '/playground/..%2fplayground.controller.js',
    '/playground/%2e%2e%2f%2e%2e%2f%2e%2e%2fpackage.json',
    '/playground/clients/v5.js',
    '/playground/clients/..%2f..%2fpackage.json',
    '/playground/constructor',
  ])('[Q5] %s is not found: only listed files are served', async (path) => {
    expect((await fetch(url + path)).status).toBe(404);
  });

  it('[L8] the slow address answers, but too late for the page', async () => {
    expect((await fetch(`${url}/playground/slow/?EIO=4&transport=polling`)).status).toBe(503);
  });

  it('an unchanged file is answered with 304', async () => {
    const etag = (await fetch(`${url}/playground/main.js`)).headers.get('etag');
    expect(etag).not.toBeNull();
    // Not with fetch: it adds `Cache-Control: no-cache` to conditional requests, which asks for the whole file.
    const request = get(`${url}/playground/main.js`, { headers: { 'if-none-match': etag! } });
    const [again] = (await once(request, 'response')) as [IncomingMessage];
    again.resume();
    expect(again.statusCode).toBe(304);
  });
});

describe('the page of a gateway that refuses 2.x clients', () => {
  it('[L8] does not offer them', async () => {
    const config = loadConfig({ env: { SWITCHBOARD_ALLOW_V2_CLIENTS: 'false' } });
    let page = '';
    const response = { set: () => ({ send: (text: string) => (page = text) }) };
    await new PlaygroundController(config, new ClientBundles()).page(response as unknown as Response);
    const offered = [...page.matchAll(/data-release="([\d.]+)"/g)].map(([, release]) => release);
    expect(offered).toEqual(['4.8.4', '3.1.3']);
  });
});

describe('the page', () => {
  const clients = new ClientBundles().releases;
  const transports = ['polling', 'websocket'];
  const pages = ['playground', 'docs', 'console'];
  const wantsToken = false;

  it('[C4] asks for a name in open mode and for a token and an API key in secured mode', async () => {
    const open = await renderPage({ mode: 'open', transports, clients, pages, wantsToken });
    const secured = await renderPage({ mode: 'secured', transports, clients, pages, wantsToken: true });
    expect(open).toContain('id="user"');
    expect(open).not.toMatch(/id="(?:token|api-key)"/);
    expect(secured).toContain('id="token"');
    expect(secured).toContain('id="api-key"');
    expect(secured).not.toContain('id="user"');
  });

  it('[L8] in secured mode the token and the command that makes one come before everything else', async () => {
    const page = await renderPage({ mode: 'secured', transports, clients, pages, wantsToken: true });
    const main = page.slice(page.indexOf('<main'));
    const places = ['id="token"', 'node dist/cli.js token --user', 'id="state"', 'id="path"'].map((part) =>
      main.indexOf(part),
    );
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(places[0]).toBeGreaterThan(0);
  });

  it('[C5] leads to no page that is turned off', async () => {
    const page = await renderPage({ mode: 'open', transports, clients, pages: ['playground'], wantsToken });
    expect(page).not.toMatch(/href="(?:console|docs)/);
  });

  it('[L8] offers the newest client first, so that it is the one the page starts with', async () => {
    const offered = [
      ...(await renderPage({ mode: 'open', transports, clients, pages, wantsToken })).matchAll(
        /data-release="([\d.]+)"/g,
      ),
    ];
    expect(offered.map(([, release]) => release)).toEqual(['4.8.4', '3.1.3', '2.5.0']);
  });

  it.each([
    [
      ['polling', 'websocket'],
      ['upgrade', 'websocket', 'polling'],
    ],
    [['websocket'], ['websocket']],
    [['polling'], ['polling']],
  ])('[L8] of a gateway that takes %j offers %j', async (taken, offered) => {
    const page = await renderPage({ mode: 'open', transports: taken, clients, pages, wantsToken });
    const [, options = ''] = /<select id="transports">(.*?)<\/select>/s.exec(page) ?? [];
    expect([...options.matchAll(/value="(\w+)"/g)].map(([, value]) => value)).toEqual(offered);
  });
});
