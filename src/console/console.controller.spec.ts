import type { AddressInfo } from 'node:net';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { ConsoleController } from './console.controller.js';

@Module({
  controllers: [ConsoleController],
  providers: [{ provide: SWITCHBOARD_CONFIG, useValue: loadConfig({ env: {} }) }],
})
class ConsoleInSomeApp {}

const STATIC_IMPORT = /\bfrom\s*["']([^"']+)["']|\bimport\s*["']([^"']+)["']/g;

describe('the console over HTTP', () => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    app = await NestFactory.create(ConsoleInSomeApp, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await app.close();
  });

  it('[G1] the page forbids what is not its own, and holds no inline script or style', async () => {
    const response = await fetch(`${url}/console`);
    const page = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=")[^>]*>|\{\{/);
  });

  it('[G1] every file that the page refers to, and every module that a module imports, is served', async () => {
    const page = await (await fetch(`${url}/console`)).text();
    const references = [...page.matchAll(/<(?:link|script|img)\b[^>]*\s(?:src|href)="([^"]+)"/g)].map(
      ([, path]) => path!,
    );
    // Relative, so that the page works behind a proxy that adds a path.
    expect(references.filter((path) => /^(?:\/|\w+:)/.test(path))).toEqual([]);
    const seen = new Set<string>();
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const response = await fetch(`${url}${path}`);
      expect([path, response.status]).toEqual([path, 200]);
      if (!path.endsWith('.js')) return;
      expect([path, response.headers.get('content-type')]).toEqual([
        path,
        expect.stringContaining('javascript'),
      ]);
      for (const [, from, bare] of (await response.text()).matchAll(STATIC_IMPORT)) {
        const name = from ?? bare!;
        expect([path, name]).toEqual([path, expect.stringMatching(/^\.\.?\//)]);
        await visit(new URL(name, url + path).pathname);
      }
    };
    for (const reference of references) await visit(`/${reference}`);
    expect([...seen].filter((path) => path.startsWith('/console/modules/')).length).toBe(7);
    expect(seen.size).toBeGreaterThan(20);
  });

  it.each([
    '/console/nothing.js',
    '/console/..%2fconsole.controller.js',
    '/console/%2e%2e%2f%2e%2e%2f%2e%2e%2fpackage.json',
    '/console/modules/express.js',
    '/console/modules/..%2f..%2fpackage.json',
    '/console/modules/constructor',
  ])('[Q5] %s is not found: only listed files are served', async (path) => {
    expect((await fetch(url + path)).status).toBe(404);
  });

  it('[G1] leads from a path that ends in a slash to the page, whose links are relative', async () => {
    const response = await fetch(`${url}/console/`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, '../console']);
  });
});
