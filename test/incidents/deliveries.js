/** Messages that did not arrive. */
import { setTimeout as pause } from 'node:timers/promises';

const DID_NOT_GET_IT = 'did not get this message. Why?';

const tcpOf = (client) => client.io.engine.transport.ws._socket;

/** Somebody in the room, so that the publication reaches one. */
const bystander = async (stage, user, room) => {
  const client = await stage.connected(`${user}-colleague`);
  await client.emitWithAck('room:join', { room });
};

export const DELIVERIES = [
  {
    cause: 'The token of the user does not allow the room, so that the join was refused.',
    named: /was refused: access\.denied/,
    async make(stage, user) {
      const caps = [{ room: 'public:*', allow: ['join', 'emit'] }];
      const client = await stage.connected(user, { signing: { caps } });
      await bystander(stage, user, 'board:1');
      await client.emitWithAck('room:join', { room: 'board:1' });
      return { user, publication: await stage.emit({ rooms: ['board:1'] }), question: DID_NOT_GET_IT };
    },
  },
  {
    cause: 'The client had left the room before.',
    named: /left/i,
    async make(stage, user) {
      const client = await stage.connected(user);
      await bystander(stage, user, 'board:2');
      await client.emitWithAck('room:join', { room: 'board:2' });
      await client.emitWithAck('room:leave', { room: 'board:2' });
      await pause(1_000);
      return { user, publication: await stage.emit({ rooms: ['board:2'] }), question: DID_NOT_GET_IT };
    },
  },
  {
    cause: 'The backend wrote the name of the room with a capital letter.',
    named: /matched no connected socket/,
    async make(stage, user) {
      const client = await stage.connected(user);
      await client.emitWithAck('room:join', { room: 'board:3' });
      return { user, publication: await stage.emit({ rooms: ['Board:3'] }), question: DID_NOT_GET_IT };
    },
  },
  {
    cause: 'The client joined the room only after the message was sent.',
    named: /joined board:4 .+ after the publication/,
    async make(stage, user) {
      const client = await stage.connected(user);
      await bystander(stage, user, 'board:4');
      const publication = await stage.emit({ rooms: ['board:4'] });
      await pause(1_500);
      await client.emitWithAck('room:join', { room: 'board:4' });
      return { user, publication, question: DID_NOT_GET_IT };
    },
  },
  {
    cause: 'The backend left the user out with `except`.',
    named: /`?except`? took it off/,
    async make(stage, user) {
      await stage.connected(user);
      await bystander(stage, user, 'board:5');
      const publication = await stage.emit({ all: true }, { except: { users: [user] } });
      return { user, publication, question: DID_NOT_GET_IT };
    },
  },
  {
    cause: 'The message was volatile, and the client was behind with reading.',
    named: /volatile/,
    async make(stage, user) {
      const client = await stage.connected(user);
      tcpOf(client).pause();
      const data = 'x'.repeat(90_000);
      for (;;) {
        const publication = await stage.emit({ users: [user] }, { volatile: true, data });
        const { verdict } = await stage.api('GET', `/v1/explain?publication=${publication}&user=${user}`);
        if (verdict !== 'volatile_dropped') continue;
        tcpOf(client).resume();
        return { user, publication, question: DID_NOT_GET_IT };
      }
    },
  },
  {
    cause: 'The user was not connected when the message was sent, and asks for no recovery.',
    named: /the user was not connected/,
    async make(stage, user) {
      const client = await stage.connected(user);
      client.disconnect();
      await stage.isGone(user);
      const publication = await stage.emit({ users: [user] });
      client.connect();
      await pause(1_000);
      return { user, publication, question: DID_NOT_GET_IT };
    },
  },
  {
    cause: 'The client never acknowledges the event.',
    named: /did not acknowledge order:confirm/,
    async make(stage, user) {
      await stage.connected(user);
      const publication = await stage.emit(
        { users: [user] },
        { event: 'order:confirm', ack: { timeoutMs: 1_500 } },
      );
      return { user, publication, question: 'is asked by our backend, which never gets an answer. Why?' };
    },
  },
  {
    cause: 'The room had too many requests to join: the client may be in 128 rooms at most.',
    named: /limit\.rooms/,
    async make(stage, user) {
      const client = await stage.connected(user);
      await bystander(stage, user, 'board:6');
      for (let room = 0; room < 128; room++) await client.emitWithAck('room:join', { room: `tab:${room}` });
      await client.emitWithAck('room:join', { room: 'board:6' });
      return { user, publication: await stage.emit({ rooms: ['board:6'] }), question: DID_NOT_GET_IT };
    },
  },
];
