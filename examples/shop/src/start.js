/**
 * Starts the shop: the gateway, the order service beside it and a page for browsers. `npm run shop` builds the gateway first.
 *
 * The order service listens where the gateway sends it `order:*`; the gateway listens where the order service pushes.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { transformFileSync } from '@swc/core';

const { SHOP_PORT = '8000', ORDERS_PORT = '4001', MESSAGES_PORT = '4002' } = process.env;

/** @param {string} path from this file */
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

// As the gateway itself is compiled; a project of its own has `nest build` for that.
mkdirSync(at('../dist'), { recursive: true });
for (const name of readdirSync(at('orders'))) {
  const { code } = transformFileSync(at(`orders/${name}`), { configFile: at('../../../swc.json') });
  writeFileSync(at(`../dist/${name.replace('.ts', '.js')}`), code);
}

let gatewayUrl = '';
const page = createServer((_request, response) => {
  const html = readFileSync(at('page.html'), 'utf8').replaceAll('GATEWAY', gatewayUrl);
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
});
await new Promise((resolve, reject) => {
  page.once('error', reject).listen(Number(SHOP_PORT), '127.0.0.1', resolve);
});
const shopUrl = `http://127.0.0.1:${page.address().port}`;

const orders = start(at('../dist/main.js'), { ORDERS_PORT, MESSAGES_PORT });
const gateway = start(at('../../../dist/main.js'), {
  SWITCHBOARD_CORS_ORIGINS: shopUrl,
  SWITCHBOARD_HANDLERS: `order:*=tcp://127.0.0.1:${ORDERS_PORT}`,
  SWITCHBOARD_MICROSERVICE: `tcp://127.0.0.1:${MESSAGES_PORT}`,
});
process.once('exit', () => [orders, gateway].forEach((child) => child.kill()));
process.on('SIGTERM', () => gateway.kill());
// A terminal tells the gateway as well, and a second signal would cut its sockets off.
process.on('SIGINT', () => {});
gateway.once('close', (code) => process.exit(code ?? 1));

[gatewayUrl] = await Promise.all([
  lineOf(gateway, /listening on (http:\/\/[^\s"]+)/),
  lineOf(orders, /(order service: .+)/),
]);
console.log(`gateway: ${gatewayUrl}`);
console.log(
  `orders: process ${orders.pid}; without it orders fail, and it comes back by: node ${at('../dist/main.js')}`,
);
console.log(`shop: ${shopUrl}`);

/** @param {string} file @param {Record<string, string>} settings */
function start(file, settings) {
  return spawn(process.execPath, [file], {
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The part of the first line that fits; all lines are passed on. A process that ends before it has none. */
function lineOf(child, pattern) {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      console.log(line);
      const found = pattern.exec(line);
      if (found) resolve(found[1]);
    });
    child.once('close', () => reject(new Error(`${child.spawnargs[1]} has ended`)));
  });
}
