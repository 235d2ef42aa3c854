/** A stock Nest app with Express and Socket.IO, and nothing else: what a start of one costs. */
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';

class ChatGateway {
  message() {
    return 'hello';
  }
}
WebSocketGateway()(ChatGateway);
decorate(ChatGateway.prototype, 'message', SubscribeMessage('message'));

class PageController {
  page() {
    return 'hello';
  }
}
Controller()(PageController);
decorate(PageController.prototype, 'page', Get());

class AppModule {}
Module({ providers: [ChatGateway], controllers: [PageController] })(AppModule);

const app = await NestFactory.create(AppModule);
app.useWebSocketAdapter(new IoAdapter(app));
await app.listen(0, '127.0.0.1');
process.stdout.write(`listening on ${await app.getUrl()}\n`);

/** @param {object} target @param {string} name @param {MethodDecorator} decorator */
function decorate(target, name, decorator) {
  decorator(target, name, /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(target, name)));
}
