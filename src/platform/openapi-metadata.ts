/**
 * What `@nestjs/swagger` reads of a route, written without the package.
 *
 * The description of the API is made once, when the documentation is generated; a running gateway serves it as a file.
 * So the package, and what it brings, is nothing that a gateway loads or its users install. An app with Swagger of its
 * own still finds the routes described. `npm run check:docs` fails when the package reads other keys than these.
 */
import { applyDecorators } from '@nestjs/common';

/** A schema that can describe itself, as those of zod can. */
type Schema = object;

/** What a route does, in one line and in more. */
export interface OperationDescription {
  readonly summary: string;
  readonly description?: string;
}

/** One answer of a route. */
export interface ResponseDescription {
  readonly status: number;
  readonly description: string;
  readonly standardSchema?: Schema;
}

/** A header that a route takes. */
export interface HeaderDescription {
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  readonly schema: object;
}

/** The group that a controller's routes are shown in. */
export const ApiTags = (tag: string): ClassDecorator => onClass('swagger/apiUseTags', [tag]);

/** Routes that take an API key. */
export const ApiBearerAuth = (): ClassDecorator => onClass('swagger/apiSecurity', [{ bearer: [] }]);

/** Routes that are no part of the API for backends. */
export const ApiExcludeController = (): ClassDecorator => onClass('swagger/apiExcludeController', [true]);

export const ApiOperation = (operation: OperationDescription): MethodDecorator =>
  onMethod('swagger/apiOperation', () => ({ ...operation }));

export const ApiProduces = (type: string): MethodDecorator => onMethod('swagger/apiProduces', () => [type]);

/** Several of them describe several answers of one route. */
export const ApiResponse = ({ status, ...answer }: ResponseDescription): MethodDecorator =>
  onMethod('swagger/apiResponse', (before) => ({ ...(before as object | undefined), [status]: answer }));

export const ApiBody = (body: { readonly standardSchema: Schema }): MethodDecorator =>
  parameter({ type: String, required: true, in: 'body', ...body });

export const ApiHeader = (header: HeaderDescription): MethodDecorator =>
  parameter({ ...header, in: 'header' });

const parameter = (description: object): MethodDecorator =>
  onMethod('swagger/apiParameters', (before) => [...((before as object[] | undefined) ?? []), description]);

const onClass = (key: string, value: unknown): ClassDecorator =>
  applyDecorators((target: object) => Reflect.defineMetadata(key, value, target));

function onMethod(key: string, change: (before: unknown) => unknown): MethodDecorator {
  return (_target, _name, descriptor) => {
    const method = descriptor.value as object;
    Reflect.defineMetadata(key, change(Reflect.getMetadata(key, method)), method);
  };
}
