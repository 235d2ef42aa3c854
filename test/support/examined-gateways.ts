/** Gateways whose flight record a suite asks, and clients that come as a browser or a phone. */
import {
  startGateway,
  type StartOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { explained } from './explained.js';

export const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36';
export const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148';

interface Examined {
  /** Ended after the test, the newest first. */
  readonly opened: { close(): Promise<void> }[];
  readonly begin: (options?: StartOptions) => Promise<TestGateway>;
}

/** To be called in a `describe`. */
export function examinedGateways(): Examined {
  const opened: Examined['opened'] = [];
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close();
  });
  const begin = async (options: StartOptions = {}): Promise<TestGateway> => {
    const gateway = await startGateway(options);
    opened.push(gateway);
    return gateway;
  };
  return { opened, begin };
}

export const connect = (
  gateway: TestGateway,
  user: string,
  userAgent?: string,
  auth: object = {},
): Promise<TestClient> =>
  gateway.connect({
    auth: { user, ...auth },
    ...(userAgent === undefined ? {} : { client: { extraHeaders: { 'user-agent': userAgent } } }),
  });

/** So many connections of a user are over. */
export const hasEnded = async (gateway: TestGateway, user: string, count = 1): Promise<void> => {
  await explained(gateway, { user }, ({ episodes }) => episodes.filter(({ end }) => end).length >= count);
};
