import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/internal';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';

type HttpArgumentsHost = ReturnType<ExecutionContext['switchToHttp']>;

/** The context of a request for guards and parameter decorators: Nest's own, which makes no functions for each request. */
export class DirectContext extends ExecutionContextHost implements HttpArgumentsHost {
  override switchToHttp(): HttpArgumentsHost {
    return this;
  }

  getRequest<Request>(): Request {
    return this.getArgByIndex(0) as Request;
  }

  getResponse<Response>(): Response {
    return this.getArgByIndex(1) as Response;
  }

  getNext<Next>(): Next {
    return this.getArgByIndex(2) as Next;
  }
}

/** Nest's reader of what routes are, for routes whose parameter decorators get such a context. */
export class DirectContexts extends RouterExecutionContext {
  override exchangeKeysForValues(
    ...[keys, metadata, moduleKey, contextId, inquirerId, contextFactory]: Parameters<
      RouterExecutionContext['exchangeKeysForValues']
    >
  ): ReturnType<RouterExecutionContext['exchangeKeysForValues']> {
    const nests = contextFactory?.([]);
    const factory = (args: unknown[]): ExecutionContextHost =>
      new DirectContext(args, nests?.getClass(), nests?.getHandler());
    return super.exchangeKeysForValues(keys, metadata, moduleKey, contextId, inquirerId, factory);
  }
}
