/** What the small apps are made of: gateways, and what stands around them. */
import {
  Controller,
  Inject,
  Injectable,
  Scope,
  type BeforeApplicationShutdown,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
  type PipeTransform,
} from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
} from '@nestjs/websockets';
import { map, type Observable } from 'rxjs';
import type { Namespace, Server, Socket } from 'socket.io';
import { diary, FENCE } from './nest-worlds.js';

class WithFence {
  @SubscribeMessage(FENCE)
  fence(): string {
    return FENCE;
  }
}

const wait = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

@WebSocketGateway()
export class WithMiddleware extends WithFence implements OnGatewayInit<Server> {
  afterInit(server: Server): void {
    server.use((socket, next) => {
      diary.push(`first ${JSON.stringify(socket.handshake.auth)}`);
      socket.data = { login: socket.handshake.auth['login'] as string };
      next();
    });
    server.use((socket, next) => {
      const { login } = socket.data as { login?: string };
      next(login ? undefined : new Error('log in first'));
    });
    server.of('/by-hand').use((_, next) => next());
    server.of('/by-hand').on('connection', (socket) => socket.emit('by hand'));
  }

  @SubscribeMessage('who')
  who(@ConnectedSocket() socket: Socket): unknown {
    return socket.data;
  }
}

@WebSocketGateway({ namespace: 'rooms' })
export class OnNamespace extends WithFence implements OnGatewayInit<Namespace>, OnGatewayConnection {
  @WebSocketServer() io!: Namespace;

  afterInit(namespace: Namespace): void {
    diary.push(`afterInit ${namespace.name} ${String(namespace === this.io)}`);
    namespace.use((socket, next) => {
      void socket.join('everyone');
      next();
    });
  }

  handleConnection(socket: Socket): void {
    this.io.to('everyone').emit('in', socket.rooms.size);
  }
}

@WebSocketGateway()
export class AsyncHooks extends WithFence implements OnGatewayConnection, OnGatewayDisconnect {
  async handleConnection(socket: Socket): Promise<void> {
    await wait();
    await socket.join('late');
    socket.emit('hello', [...socket.rooms].includes('late'));
  }

  async handleDisconnect(socket: Socket): Promise<void> {
    await wait();
    diary.push(`gone ${String(socket.connected)} ${socket.rooms.size}`);
  }
}

@WebSocketGateway()
export class WithLifecycle
  extends WithFence
  implements
    OnModuleInit,
    OnApplicationBootstrap,
    OnGatewayInit,
    OnModuleDestroy,
    BeforeApplicationShutdown,
    OnApplicationShutdown,
    OnGatewayDisconnect
{
  @WebSocketServer() server!: Server;

  onModuleInit(): void {
    diary.push('onModuleInit');
  }
  onApplicationBootstrap(): void {
    diary.push('onApplicationBootstrap');
  }
  afterInit(): void {
    diary.push('afterInit');
  }
  onModuleDestroy(): void {
    diary.push(`onModuleDestroy ${this.server.sockets.sockets.size}`);
    this.server.emit('last words');
  }
  beforeApplicationShutdown(): void {
    diary.push(`beforeApplicationShutdown ${this.server.sockets.sockets.size}`);
  }
  onApplicationShutdown(): void {
    diary.push(`onApplicationShutdown ${this.server.sockets.sockets.size}`);
  }
  handleDisconnect(): void {
    diary.push('handleDisconnect');
  }
}

export class AskedFor implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    diary.push(`guard ${context.getType()} ${context.getClass().name} ${context.getHandler().name}`);
    return context.switchToWs().getData<unknown>() !== 'denied';
  }
}

export class Shout implements PipeTransform {
  transform(value: unknown): unknown {
    return typeof value === 'string' ? value.toUpperCase() : value;
  }
}

export class Boxed implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

@WebSocketGateway()
export class Plain extends WithFence {
  @SubscribeMessage('say')
  say(@MessageBody() text: unknown): unknown {
    return text;
  }

  @SubscribeMessage('part')
  part(@MessageBody('text') text: unknown): unknown {
    return { text };
  }
}

/** Handlers that a class has from another one. */
@WebSocketGateway()
export class Inherited extends Plain {
  @SubscribeMessage('own')
  own(): string {
    return 'own';
  }

  @SubscribeMessage('part')
  override part(@MessageBody('text') text: unknown): unknown {
    return { overridden: text };
  }

  /** Without the decorator it takes no event. */
  override say(text: unknown): unknown {
    return super.say(text);
  }
}

@Injectable({ scope: Scope.REQUEST })
export class OfRequest {
  count = 0;
  constructor(@Inject(REQUEST) readonly request: unknown) {}
}

@WebSocketGateway()
export class PerMessage extends WithFence {
  constructor(private readonly mine: OfRequest) {
    super();
  }

  @SubscribeMessage('count')
  count(): unknown {
    return { count: ++this.mine.count, request: typeof this.mine.request };
  }
}

@Controller()
export class Messages {
  constructor(@Inject(Plain) private readonly gateway: Plain) {}

  @MessagePattern('say')
  say(text: string): unknown {
    return this.gateway.say(text);
  }
}

@WebSocketGateway()
export class ServerOnly {
  @WebSocketServer() server!: Server;
}

/** A provider that is no gateway and emits through one. */
@Injectable()
export class Announcer {
  constructor(@Inject(ServerOnly) private readonly gateway: ServerOnly) {}

  announce(): void {
    this.gateway.server.emit('announced', 1);
  }
}

@WebSocketGateway()
export class Asks extends WithFence {
  constructor(@Inject(Announcer) private readonly announcer: Announcer) {
    super();
  }

  @SubscribeMessage('announce')
  announce(): string {
    this.announcer.announce();
    return 'done';
  }
}

@WebSocketGateway()
export class Unfenced {
  @SubscribeMessage('other')
  other(): string {
    return 'of another class';
  }
}
