/** Connections that break, or are not what they should be. */
import { setTimeout as pause } from 'node:timers/promises';
import { cutAtAge, cutWhenSilent, refuseWebSockets, swallowFrames } from './network.js';
import { PHONE, PING_INTERVAL_MS } from './stage.js';

const KEEPS_DROPPING = 'says that the connection drops again and again. Why?';
const IS_SLOW = 'says that the app is connected and yet sluggish. Why?';

/** How often the client was connected before this resolves. */
async function connectsAgain(client, times) {
  for (let time = 0; time < times; time++) await new Promise((resolve) => client.once('connect', resolve));
}

const talks = (client, everyMs) => {
  const timer = setInterval(() => client.connected && client.emit('socket:info', () => undefined), everyMs);
  timer.unref();
};

/** What its engine stands on, private in the stock client. */
const tcpOf = (client) => client.io.engine.transport.ws._socket;

export const CONNECTIONS = [
  {
    cause: 'A proxy cuts every connection when it is 4 s old.',
    named: /cuts connections when they are [34]/,
    async make(stage, user) {
      const { url } = await stage.network(cutAtAge(4_000));
      const client = await stage.connected(user, { url, comesBack: true, delayMs: 300 });
      talks(client, 700);
      await connectsAgain(client, 5);
      return { user, question: KEEPS_DROPPING };
    },
  },
  {
    cause: 'A proxy cuts connections over which nothing went for 5.5 s, and pings come every 7 s.',
    named: /cuts connections after 5\.\d s of silence/,
    async make(stage, user) {
      const { url } = await stage.network(cutWhenSilent(5_500));
      const client = await stage.connected(user, { url, comesBack: true, delayMs: 300 });
      await connectsAgain(client, 5);
      return { user, question: KEEPS_DROPPING };
    },
  },
  {
    cause: 'A phone went to sleep and woke up later.',
    named: /phone or tablet went to sleep/,
    async make(stage, user) {
      const network = await stage.network();
      const client = await stage.connected(user, { url: network.url, userAgent: PHONE });
      network.goDark();
      await stage.isGone(user);
      await pause(2_000);
      network.light();
      client.disconnect();
      client.connect();
      await connectsAgain(client, 1);
      return { user, question: 'was offline for a while in the afternoon. Why?' };
    },
  },
  {
    cause: 'A desktop lost its network: it stopped answering pings.',
    named: /client stopped answering/,
    async make(stage, user) {
      const network = await stage.network();
      await stage.connected(user, { url: network.url });
      network.goDark();
      await stage.isGone(user);
      return { user, question: 'dropped off in the middle of a sentence. Was that us?' };
    },
  },
  {
    cause: 'A proxy answers 400 to WebSockets, so that the client stays on polling.',
    named: /stays on long polling/,
    async make(stage, user) {
      const { url } = await stage.network(refuseWebSockets);
      const client = await stage.connected(user, { url, transports: ['polling', 'websocket'] });
      talks(client, 1_000);
      await pause(12_000);
      return { user, question: IS_SLOW };
    },
  },
  {
    cause: 'A proxy swallows frames: the upgrade to WebSocket begins and never ends.',
    named: /upgrade to WebSocket began and never ended|no(?:ne)? (?:of them )?finished/i,
    async make(stage, user) {
      const { url } = await stage.network(swallowFrames);
      await stage.connected(user, { url, transports: ['polling', 'websocket'], comesBack: true });
      await pause(13_000);
      return { user, question: 'connects, gets nothing for a while, and drops. Why?' };
    },
  },
  {
    cause: 'The client does not read, is sent too much, and is ended for it.',
    named: /did not read what it was sent/,
    async make(stage, user) {
      const client = await stage.connected(user);
      tcpOf(client).pause();
      const data = 'x'.repeat(90_000);
      while ((await stage.api('GET', `/v1/users/${user}`)).online) {
        for (let burst = 0; burst < 20; burst++) await stage.emit({ users: [user] }, { data });
      }
      tcpOf(client).resume();
      return { user, question: 'was cut off while a big table was updating. Why?' };
    },
  },
  {
    cause: 'The client sends events in a loop, over its rate, until it is ended.',
    named: /sends events faster than it may/,
    async make(stage, user) {
      const client = await stage.connected(user);
      const gone = new Promise((resolve) => client.once('disconnect', resolve));
      const timer = setInterval(() => {
        for (let burst = 0; burst < 100; burst++) client.emit('socket:info', () => undefined);
      }, 10);
      await gone;
      clearInterval(timer);
      return { user, question: 'got errors in the app, and then it stopped altogether. Why?' };
    },
  },
  {
    cause:
      'The client sends a message over the limit, which ends the connection, and sends it again when it is back.',
    named: /sent a message of more than 100 kB/,
    async make(stage, user) {
      const client = await stage.connected(user, { comesBack: true });
      for (let time = 0; time < 3; time++) {
        client.emit('room:emit', { room: 'news:1', event: 'file', args: ['x'.repeat(150_000)] });
        await connectsAgain(client, 1);
      }
      return { user, question: KEEPS_DROPPING };
    },
  },
  {
    cause: 'A backend disconnected the user, not to come back.',
    named: /A backend or an operator disconnected this socket/,
    async make(stage, user) {
      const client = await stage.connected(user, { comesBack: true });
      await stage.api('DELETE', `/v1/users/${user}/sockets`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      client.disconnect();
      return { user, question: 'went offline and is not coming back. Why?' };
    },
  },
  {
    cause: 'Two pages of the user: the backend allows one, and disconnects the other each time one arrives.',
    named: /kick(?:s|ed) each other|each (?:other )?in turn|take over from each other/i,
    async make(stage, user) {
      const address = stage.newAddress();
      const pages = [];
      for (let page = 0; page < 2; page++) {
        pages.push(await stage.connected(user, { address, comesBack: true, delayMs: 500 }));
        await pause(300);
      }
      for (let time = 0; time < 8; time++) {
        const [older, newer] = pages.toSorted((one, other) => (one.at ?? 0) - (other.at ?? 0));
        const back = new Promise((resolve) => older.once('connect', resolve));
        await stage.api('DELETE', `/v1/sockets/${older.id}?reconnect=true`);
        await back;
        older.at = performance.now();
        newer.at ??= 0;
      }
      return { user, question: KEEPS_DROPPING };
    },
  },
  {
    cause: 'The page calls io() twice: two sockets, each of which gets everything.',
    named: /Two sockets of one page/,
    async make(stage, user) {
      const address = stage.newAddress();
      await Promise.all([stage.connected(user, { address }), stage.connected(user, { address })]);
      await stage.emit({ users: [user] });
      return { user, question: 'sees each message twice. Why?' };
    },
  },
  {
    cause: 'The client came back after its connection broke, and did not join its rooms again.',
    named: /did not join .+ again/,
    async make(stage, user) {
      const { url, sockets } = await stage.network();
      const client = await stage.connected(user, { url, comesBack: true });
      await client.emitWithAck('room:join', { room: 'team:7' });
      for (const socket of sockets) socket.destroy();
      await connectsAgain(client, 1);
      await pause(6_000);
      const publication = await stage.emit({ rooms: ['team:7'] });
      return { user, publication, question: 'gets no messages of the team any longer, though online. Why?' };
    },
  },
  {
    cause: 'The client came back after the recovery window, so that it lost its session and what it missed.',
    named: /SWITCHBOARD_RECOVERY_WINDOW_MS/,
    async make(stage, user) {
      const network = await stage.network();
      const auth = { recovery: true };
      const client = await stage.connected(user, { url: network.url, auth, comesBack: true, delayMs: 200 });
      await client.emitWithAck('room:join', { room: 'news:2' });
      await stage.emit({ rooms: ['news:2'] });
      await pause(300);
      network.isDark = true;
      client.io.engine.close();
      await stage.isGone(user);
      const publication = await stage.emit({ rooms: ['news:2'] });
      await pause(PING_INTERVAL_MS * 3);
      network.light();
      await connectsAgain(client, 1);
      await client.emitWithAck('room:join', { room: 'news:2' });
      return {
        user,
        publication,
        question: 'was in a tunnel, is back, and lacks what was sent meanwhile. Why?',
      };
    },
  },
];
