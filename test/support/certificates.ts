/** Certificates of a test's own, made when they are needed: none expires in the repository, and no program is needed. */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DAY_MS = 86_400_000;

/** For whom a certificate is, and until when. */
export interface CertificateOptions {
  /** Default `localhost`. */
  readonly host?: string;
  /** Default `127.0.0.1`. */
  readonly address?: string;
  /** Default tomorrow. */
  readonly expires?: Date;
}

/** A key and a certificate in PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** Who vouches for certificates, and a folder with its own and one of a server that it vouches for. */
export class TestAuthority {
  /** What to name in `NODE_EXTRA_CA_CERTS`. */
  readonly caFile: string;
  readonly ca: string;

  private constructor(
    private readonly folder: string,
    private readonly key: KeyObject,
  ) {
    this.caFile = join(folder, 'ca.pem');
    this.ca = certificate({ subject: 'ca', issuer: 'ca', of: key, by: key, extensions: [IS_AUTHORITY] });
  }

  static async create(): Promise<TestAuthority> {
    const authority = new TestAuthority(await mkdtemp(join(tmpdir(), 'switchboard-tls-')), newKey());
    const { key, cert } = authority.vouchFor();
    await writeFile(authority.caFile, authority.ca);
    await writeFile(authority.file('key'), key, { mode: 0o600 });
    await writeFile(authority.file('cert'), cert);
    return authority;
  }

  /** Settings of Redis and of Sentinels with which they listen on this port too, and reach each other over TLS. */
  settings(port: number): (readonly [name: string, value: string])[] {
    return [
      ['tls-port', String(port)],
      ['tls-cert-file', this.file('cert')],
      ['tls-key-file', this.file('key')],
      ['tls-ca-cert-file', this.caFile],
      ['tls-auth-clients', 'no'],
      ['tls-replication', 'yes'],
    ];
  }

  /** The same as arguments of `redis-server`. */
  args(port: number): string[] {
    return this.settings(port).flatMap(([name, value]) => [`--${name}`, value]);
  }

  vouchFor({ host = 'localhost', address = '127.0.0.1', expires }: CertificateOptions = {}): Identity {
    const key = newKey();
    const names = [der(0x82, Buffer.from(host)), der(0x87, Buffer.from(address.split('.').map(Number)))];
    const extensions = [sequence(ALTERNATIVE_NAMES, der(0x04, sequence(...names)))];
    const cert = certificate({ subject: host, issuer: 'ca', of: key, by: this.key, extensions, expires });
    return { key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }

  private file(name: string): string {
    return join(this.folder, `${name}.pem`);
  }
}

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** DER: a tag, how long what follows is, and what follows. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const identifier = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));

const ECDSA_WITH_SHA256 = sequence(identifier('2a8648ce3d040302'));
const COMMON_NAME = identifier('550403');
const ALTERNATIVE_NAMES = identifier('551d11');
const TRUE = der(0x01, Buffer.from([0xff]));
const IS_AUTHORITY = sequence(identifier('551d13'), TRUE, der(0x04, sequence(TRUE)));

const nameOf = (text: string): Buffer =>
  sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(text)))));
const timeOf = (time: Date): Buffer =>
  der(0x17, Buffer.from(`${time.toISOString().slice(2, 19).replace(/\D/g, '')}Z`));

interface Content {
  readonly subject: string;
  readonly issuer: string;
  readonly of: KeyObject;
  readonly by: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly expires?: Date | undefined;
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1 */
function certificate({ subject, issuer, of, by, extensions, expires }: Content): string {
  const until = expires ?? new Date(Date.now() + DAY_MS);
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    nameOf(issuer),
    sequence(timeOf(new Date(Math.min(until.getTime(), Date.now()) - DAY_MS)), timeOf(until)),
    nameOf(subject),
    createPublicKey(of).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', content, by)]);
  const text = sequence(content, ECDSA_WITH_SHA256, der(0x03, signature)).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${text.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}
