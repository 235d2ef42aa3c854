import { isOriginAllowed, normalizeOrigin, type OriginQuestion } from './origins.js';

const secured: OriginQuestion = {
  origin: undefined,
  host: 'gateway.example',
  secure: false,
  allowed: [
    'https://app.example',
    'http://dev.example:8080',
    'https://Bücher.example:443',
    'capacitor://localhost',
    'tauri://localhost',
    'file://',
  ],
  mode: 'secured',
};
const open: OriginQuestion = { ...secured, mode: 'open', host: 'localhost:3000', allowed: [] };

type Case = [origin: string | undefined, changes: Partial<OriginQuestion>, allowed: boolean];

const check =
  (base: OriginQuestion) =>
  (origin: string | undefined, changes: Partial<OriginQuestion>, allowed: boolean) => {
    expect(isOriginAllowed({ ...base, ...changes, origin })).toBe(allowed);
  };

describe('origins in secured mode', () => {
  it.each<Case>([
    [undefined, {}, true],
    [undefined, { host: undefined }, true],
    ['https://app.example', {}, true],
    ['HTTPS://APP.EXAMPLE', {}, true],
    ['https://app.example:443', {}, true],
    ['http://dev.example:8080', {}, true],
    ['https://xn--bcher-kva.example', {}, true],
    ['capacitor://localhost', {}, true],
    ['tauri://localhost', {}, true],
    ['file://', {}, true],
    ['FILE://', {}, true],
    ['null', { allowed: ['null'] }, true],
  ])('[A5] lets %s with %j pass', check(secured));

  it.each<Case>([
    ['http://app.example', {}, false],
    ['https://app.example:8443', {}, false],
    ['http://dev.example', {}, false],
    ['https://sub.app.example', {}, false],
    ['https://app.example.evil.example', {}, false],
    ['https://evilapp.example', {}, false],
    ['https://app.example.', {}, false],
    ['https://app.example@evil.example', {}, false],
    ['https://evil.example@app.example', {}, false],
    ['https://app.example/', {}, false],
    ['https://app.example/path', {}, false],
    ['https://app.example#x', {}, false],
    ['https://app.example\\.evil.example', {}, false],
    ['https://app.example%2eevil.example', {}, false],
    ['https://app.example https://evil.example', {}, false],
    ['https://app.example, https://evil.example', {}, false],
    [' https://app.example', {}, false],
    ['https:\t//app.example', {}, false],
    ['//app.example', {}, false],
    ['app.example', {}, false],
    ['https://', {}, false],
    ['https://[::1', {}, false],
    ['capacitor://localhost:1', {}, false],
    ['file:///etc/passwd', {}, false],
    ['file://evil.example', {}, false],
    ['file://', { allowed: ['null'] }, false],
    ['ionic://localhost', {}, false],
    ['', {}, false],
    ['null', {}, false],
    ['NULL', { allowed: ['null'] }, false],
    ['http://localhost:5173', {}, false],
    ['http://127.0.0.1', {}, false],
    ['https://anything.example', { allowed: ['*'] }, false],
    ['null', { allowed: ['*'] }, false],
  ])('[A5] refuses %s with %j', check(secured));

  it.each<Case>([
    ['http://gateway.example', {}, true],
    ['https://gateway.example', {}, true],
    ['http://gateway.example:80', {}, true],
    ['http://gateway.example', { host: 'GATEWAY.example:80' }, true],
    ['https://gateway.example', { host: 'gateway.example:443' }, true],
    ['http://gateway.example:3000', { host: 'gateway.example:3000' }, true],
    ['http://[2001:db8::1]:3000', { host: '[2001:DB8:0::1]:3000' }, true],
    ['http://gateway.example.', { host: 'gateway.example.' }, true],
    ['https://gateway.example', { secure: true }, true],
    ['http://gateway.example', { secure: true }, false],
    ['http://gateway.example:3001', { host: 'gateway.example:3000' }, false],
    ['http://gateway.example', { host: 'gateway.example:3000' }, false],
    ['https://gateway.example', { host: 'gateway.example:80' }, false],
    ['http://gateway.example', { host: 'gateway.example.' }, false],
    ['http://gateway.example', { host: 'x@gateway.example' }, false],
    ['http://gateway.example', { host: 'gateway.example/' }, false],
    ['http://gateway.example', { host: 'gateway.example, evil.example' }, false],
    ['http://gateway.example', { host: undefined }, false],
    ['http://gateway.example', { host: '' }, false],
    ['ftp://gateway.example', {}, false],
  ])("[A5] knows the gateway's own origin: %s with %j is %s", check(secured));
});

describe('origins in open mode', () => {
  it.each<Case>([
    [undefined, {}, true],
    [undefined, { host: '127.0.0.1:3000' }, true],
    [undefined, { host: '[::1]:3000' }, true],
    [undefined, { host: 'localhost.:3000' }, true],
    [undefined, { host: undefined }, true],
    ['http://localhost:3000', {}, true],
    ['http://localhost:5173', {}, true],
    ['https://localhost', {}, true],
    ['http://LOCALHOST:5173', {}, true],
    ['http://localhost.:5173', {}, true],
    ['http://127.0.0.1:8080', {}, true],
    ['http://127.1.2.3', {}, true],
    ['http://[::1]:8080', {}, true],
    ['http://[0:0:0:0:0:0:0:1]', {}, true],
    ['http://my.test:3000', { allowed: ['http://my.test:3000'], host: 'my.test:3000' }, true],
    [undefined, { allowed: ['http://my.test:3000'], host: 'my.test:3000' }, true],
  ])('[A5] lets %s with %j pass', check(open));

  it.each<Case>([
    ['https://evil.example', {}, false],
    ['http://localhost.evil.example', {}, false],
    ['http://evil.localhost', {}, false],
    ['http://127.0.0.1.evil.example', {}, false],
    ['http://127.evil.example', {}, false],
    ['http://localhost@evil.example', {}, false],
    ['http://evil.example:3000@localhost', {}, false],
    ['http://localhost..', {}, false],
    ['http://[::ffff:8.8.8.8]', {}, false],
    ['http://0.0.0.0:3000', {}, false],
    ['http://10.0.0.1:3000', {}, false],
    ['file://localhost', {}, false],
    ['capacitor://localhost', {}, false],
    ['x://[', {}, false],
    ['null', {}, false],
    ['', {}, false],
  ])('[A5] refuses %s with %j', check(open));

  it.each<Case>([
    ['http://evil.example:3000', { host: 'evil.example:3000' }, false],
    ['http://evil.example', { host: 'evil.example' }, false],
    ['https://evil.example', { host: 'evil.example', secure: true }, false],
    [undefined, { host: 'evil.example:3000' }, false],
    [undefined, { host: 'localhost.evil.example' }, false],
    [undefined, { host: 'localhost@evil.example' }, false],
    [undefined, { host: '' }, false],
    ['http://evil.example:3000', { host: 'evil.example:3000', allowed: ['http://my.test'] }, false],
  ])('[A5] does not fall for DNS rebinding: %s with %j', check(open));

  it.each<Case>([
    ['http://gateway.example', { host: 'gateway.example', open: true }, true],
    [undefined, { host: 'gateway.example', open: true }, true],
    ['http://localhost:5173', { host: 'gateway.example', open: true }, true],
    ['https://evil.example', { host: 'gateway.example', open: true }, false],
    ['null', { host: 'gateway.example', open: true }, false],
  ])('[A5] that is meant for the network: %s with %j is %s', check(open));
});

describe('normalizeOrigin', () => {
  it.each([
    ['HTTP://Example.COM:80', 'http://example.com'],
    ['https://example.com:443', 'https://example.com'],
    ['https://example.com:80', 'https://example.com:80'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['http://[0::1]:3000', 'http://[::1]:3000'],
    ['chrome-extension://AbC', 'chrome-extension://abc'],
    ['https://example.com/', undefined],
    ['https://user@example.com', undefined],
    ['https://example.com:99999', undefined],
    ['https://*.example.com', 'https://*.example.com'],
    ['null', undefined],
    ['*', undefined],
  ])('[A5] makes %s of %s', (origin, normal) => {
    expect(normalizeOrigin(origin)).toBe(normal);
  });
});
