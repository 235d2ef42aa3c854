/** Clients that do not get in. */
import { setTimeout as pause } from 'node:timers/promises';
import { CHROME } from './stage.js';

const CANNOT_GET_IN = 'says that the app has not come online since this morning. Why?';

/** Asks again a few times, as an app does that knows no better. */
async function refusedAgainAndAgain(stage, user, options, times = 3) {
  const address = stage.newAddress();
  for (let time = 0; time < times; time++) {
    const client = await stage.client(user, { address, ...options });
    await client.isOut;
    await pause(200);
  }
  return { user, address };
}

const refused = (options) => async (stage, user) => {
  await refusedAgainAndAgain(stage, user, options);
  return { user, question: CANNOT_GET_IN };
};

/** A client that is refused before it says who it is, so that only its address is known. */
const refusedUnheard = (options) => async (stage, user) => ({
  ...(await refusedAgainAndAgain(stage, user, options)),
  question: CANNOT_GET_IN,
});

export const ARRIVALS = [
  {
    cause: 'The app comes with a token that has expired.',
    named: /auth\.token_expired[^]*expired \d+ s ago/,
    make: refused({ signing: { expiresIn: -600 } }),
  },
  {
    cause: 'The clock of the backend that signs tokens is five minutes fast.',
    named: /not valid for \d+ s yet/,
    make: refused({ signing: { notBeforeIn: 300 } }),
  },
  {
    cause: 'The backend signs with a secret that the gateway does not have.',
    named: /auth\.token_invalid[^]*signature/,
    make: refused({ signing: { key: 'a secret of another installation, as long as it has to be' } }),
  },
  {
    cause: 'The user is blocked.',
    named: /blocked/i,
    async make(stage, user) {
      await stage.connected(user);
      await stage.api('PUT', `/v1/users/${user}/block`);
      await refusedAgainAndAgain(stage, user);
      return { user, question: 'has been thrown out and cannot get in again. Why?' };
    },
  },
  {
    cause:
      'The tokens of the user were revoked, as by "log out everywhere", and the app still uses an old one.',
    named: /revoked/i,
    async make(stage, user) {
      const token = await stage.token(user);
      await stage.connected(user, { token });
      await stage.api('POST', '/v1/tokens/revoke', { user, issuedBefore: Math.ceil(Date.now() / 1_000) });
      await refusedAgainAndAgain(stage, user, { token });
      return { user, question: 'was logged out in the middle of work, and the app stays offline. Why?' };
    },
  },
  {
    cause: 'The page moved to an origin that is not allowed.',
    named: /origin\.refused[^]*https:\/\/new\.example/,
    make: refusedUnheard({ origin: 'https://new.example', userAgent: CHROME }),
  },
  {
    cause: 'The app connects to a namespace that does not exist.',
    named: /namespace\.unknown/,
    async make(stage, user) {
      await refusedAgainAndAgain(stage, user, { url: `${stage.url}/chat` });
      return { user, question: CANNOT_GET_IN };
    },
  },
  {
    cause: 'The user has as many sockets as a user may have: a page that opens one for each of its parts.',
    named: /limit\.sockets/,
    async make(stage, user) {
      const address = stage.newAddress();
      for (let tab = 0; tab < 5; tab++) {
        await stage.connected(user, { address });
        await pause(1_200);
      }
      await refusedAgainAndAgain(stage, user, { address });
      return { user, question: 'opens the page and it stays offline, on this one machine only. Why?' };
    },
  },
  {
    cause: 'The app forgets its token when it connects again.',
    named: /auth\.token_missing/,
    async make(stage, user) {
      const address = stage.newAddress();
      const first = await stage.connected(user, { address });
      first.io.engine.close();
      await pause(300);
      await refusedAgainAndAgain(stage, user, { address, token: null });
      return {
        user,
        address,
        question: 'lost the connection once and has not come back since, though the network is there. Why?',
      };
    },
  },
  {
    cause: 'A token was not renewed and ended while its client was connected.',
    named: /auth\.token_expired/,
    async make(stage, user) {
      const client = await stage.connected(user, { signing: { expiresIn: 5 }, comesBack: true });
      await new Promise((resolve) => client.once('disconnect', resolve));
      return {
        user,
        question: 'was connected for a short while, then went offline and never came back. Why?',
      };
    },
  },
];
