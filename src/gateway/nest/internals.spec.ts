/**
 * What this gateway uses of Nest beyond its documentation.
 *
 * When an upgrade breaks one of these, the failing line names what is gone and the file that relies on it.
 */
import { Catch, Module, UseFilters, type ExceptionFilter } from '@nestjs/common';
import { selectExceptionFilterMetadata } from '@nestjs/common/internal';
import { ApplicationConfig, NestContainer, NestFactory } from '@nestjs/core';
import { GuardsConsumer, InterceptorsConsumer, PipesConsumer } from '@nestjs/core/internal';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ExceptionFiltersContext } from '@nestjs/websockets/context/exception-filters-context.js';
import { WsContextCreator } from '@nestjs/websockets/context/ws-context-creator.js';
import { WsProxy } from '@nestjs/websockets/context/ws-proxy.js';
import { GATEWAY_METADATA } from '@nestjs/websockets/internal';
import { WebSocketsController } from '@nestjs/websockets/web-sockets-controller.js';

describe('what is used of Nest', () => {
  @Catch()
  class AnyFilter implements ExceptionFilter {
    catch(): void {}
  }

  @WebSocketGateway()
  class SomeGateway {
    @SubscribeMessage('x')
    @UseFilters(AnyFilter)
    handle(): void {}
  }

  @Module({ providers: [SomeGateway] })
  class SomeModule {}

  it('nest-wiring: finds gateway classes in the container of an app', async () => {
    const app = await NestFactory.create(SomeModule, { logger: false });
    const { container } = app as unknown as { container: NestContainer };
    expect(container).toBeInstanceOf(NestContainer);
    expect(app.get(ApplicationConfig)).toBeInstanceOf(ApplicationConfig);
    const gateways = [...container.getModules().values()].flatMap(({ providers }) =>
      [...providers.values()].filter(
        ({ metatype }) => typeof metatype === 'function' && Reflect.hasMetadata(GATEWAY_METADATA, metatype),
      ),
    );
    expect(gateways.map(({ metatype, instance }) => [metatype, instance])).toEqual([
      [SomeGateway, app.get(SomeGateway)],
    ]);

    const filters = new ExceptionFiltersContext(container).create(
      app.get(SomeGateway),
      SomeGateway.prototype.handle,
      [...container.getModules().keys()].at(-1)!,
    ) as unknown as { filters: Parameters<typeof selectExceptionFilterMetadata>[0] };
    expect(selectExceptionFilterMetadata(filters.filters, new Error('any'))).toMatchObject({
      func: expect.any(Function),
    });
    await app.close();
  });

  it.each([
    [WebSocketsController, 'connectGatewayToServer'],
    [WebSocketsController, 'subscribeEvents'],
    [WebSocketsController, 'createRequestScopedHandler'],
    [WebSocketsController, 'createRequestScopedEventHandler'],
    [WsContextCreator, 'create'],
    [WsProxy, 'create'],
    [ExceptionFiltersContext, 'create'],
    [GuardsConsumer, 'tryActivate'],
    [InterceptorsConsumer, 'intercept'],
    [PipesConsumer, 'apply'],
  ])('nest-wiring: %p has %s()', (type: { prototype: object }, method) => {
    expect(typeof (type.prototype as Record<string, unknown>)[method]).toBe('function');
  });
});
