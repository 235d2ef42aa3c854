/** A Nest app as the documentation teaches it: stock adapter, one gateway, a Map of sockets, a controller. */
import 'reflect-metadata';
import { Body, Controller, Get, HttpCode, Inject, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { requireToken } from '../support/credentials.js';
import { describeSocket, infoOf } from '../support/describe-socket.js';
import { FORWARDED } from '../support/backends.js';
import { servePeer } from '../support/control.js';
import { BODY, EVENT } from '../support/message.js';

/** @typedef {import('socket.io').Socket} Socket */

class ChatGateway {
  /** @type {Map<string, Socket>} */
  sockets = new Map();
  /** @type {import('socket.io').Server} */
  server = /** @type {any} */ (undefined);

  /** @param {Socket} socket */
  handleConnection(socket) {
    this.sockets.set(socket.id, socket);
  }

  /** @param {Socket} socket */
  handleDisconnect(socket) {
    this.sockets.delete(socket.id);
  }

  /** @type {import('@nestjs/microservices').ClientProxy | undefined} */
  backend = undefined;

  /** What people write by hand: the answer of another service is the acknowledgement. @param {Socket} _socket @param {unknown} body */
  forwarded(_socket, body) {
    return this.backend?.send(FORWARDED, body);
  }

  /** @param {Socket} socket */
  info(socket) {
    return infoOf(socket);
  }

  /** @param {Socket} socket @param {{ room: string }} body */
  async join(socket, { room }) {
    await socket.join(room);
    return { room };
  }

  /** @param {Socket} socket @param {{ room: string }} body */
  async leave(socket, { room }) {
    await socket.leave(room);
    return { room };
  }

  /** @param {Socket} socket @param {{ room: string, text: string }} body */
  message(socket, { room, text }) {
    socket.to(room).emit('message', text);
    return { sent: true };
  }

  /** @param {Socket} socket @param {{ room: string }} body */
  typing(socket, { room }) {
    socket.to(room).emit('typing', socket.id);
    return { sent: true };
  }
}
WebSocketGateway()(ChatGateway);
WebSocketServer()(ChatGateway.prototype, 'server');
for (const event of /** @type {const} */ (['info', 'forwarded', 'join', 'leave', 'message', 'typing'])) {
  decorate(ChatGateway, event, SubscribeMessage(event));
  ConnectedSocket()(ChatGateway.prototype, event, 0);
  MessageBody()(ChatGateway.prototype, event, 1);
}

class ChatController {
  /** @param {ChatGateway} gateway */
  constructor(gateway) {
    this.gateway = gateway;
  }

  /** @param {{ to: string, event: string, data: unknown }} body */
  emit({ to, event, data }) {
    this.gateway.sockets.get(to)?.emit(event, data);
    return { matched: this.gateway.sockets.has(to) ? 1 : 0 };
  }

  /** @param {string} room */
  async room(room) {
    const sockets = await this.gateway.server.in(room).fetchSockets();
    return { items: sockets.map(describeSocket) };
  }
}
Controller()(ChatController);
Inject(ChatGateway)(ChatController, undefined, 0);
decorate(ChatController, 'emit', Post('emit'), HttpCode(202));
Body()(ChatController.prototype, 'emit', 0);
decorate(ChatController, 'room', Get('rooms/:room'));
Param('room')(ChatController.prototype, 'room', 0);

class AppModule {}
Module({ providers: [ChatGateway], controllers: [ChatController] })(AppModule);

servePeer(async ({ secured, backend }) => {
  const app = await NestFactory.create(AppModule);
  app.useWebSocketAdapter(new IoAdapter(app));
  await app.listen(0, '127.0.0.1');
  const { server } = app.get(ChatGateway);
  if (backend) {
    const { ClientProxyFactory, Transport } = await import('@nestjs/microservices');
    app.get(ChatGateway).backend = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: backend },
    });
  }
  if (secured) await requireToken(server);

  return {
    port: app.getHttpServer().address().port,
    infoEvent: 'info',
    publish: (room) => void (room ? server.to(room) : server).emit(EVENT, BODY),
    join: (pairs) => pairs.forEach(([socketId, room]) => server.in(socketId).socketsJoin(room)),
    emitRequest: (to) => ({ method: 'POST', path: '/emit', body: { to, event: EVENT, data: BODY } }),
    userRequest: (user) => ({ method: 'GET', path: `/rooms/${encodeURIComponent(`user:${user}`)}` }),
    roomRequest: (room) => ({ method: 'GET', path: `/rooms/${encodeURIComponent(room)}` }),
  };
});

/**
 * `@decorator() method() {}`, which plain JavaScript does not have.
 * @param {new (...args: any[]) => object} Class
 * @param {string} method
 * @param {MethodDecorator[]} decorators
 */
function decorate(Class, method, ...decorators) {
  const descriptor = /** @type {PropertyDescriptor} */ (
    Object.getOwnPropertyDescriptor(Class.prototype, method)
  );
  for (const decorator of decorators) decorator(Class.prototype, method, descriptor);
}
