/** The description of the API, made from the schemas that check its requests. Run after the build. */
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { createService } from '../dist/service.js';

/** @returns {Promise<import('@nestjs/swagger').OpenAPIObject>} nothing is listened on */
export async function createOpenApiDocument() {
  const app = await createService({}, false);
  await app.init();
  const info = new DocumentBuilder()
    .setTitle('Switchboard')
    .setDescription('Ask who is online and reach a socket, a user, a room or everyone.')
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'API key',
      description: 'An API key; none is needed in open mode',
    })
    .build();
  const document = SwaggerModule.createDocument(app, info, {
    operationIdFactory: (controller, method) =>
      `${controller.replace('Controller', '').toLowerCase()}_${method}`,
  });
  await app.close();
  nameProblemType(document);
  return document;
}

/**
 * Failures have a content type of their own, where Nest's decorators know one for all answers of a route. [E2]
 * @param {import('@nestjs/swagger').OpenAPIObject} document
 */
function nameProblemType(document) {
  for (const path of Object.values(document.paths)) {
    for (const operation of [path.get, path.put, path.post, path.delete]) {
      for (const [status, response] of Object.entries(operation?.responses ?? {})) {
        if (Number(status) < 400 || !response || !('content' in response)) continue;
        const problem = response.content?.['application/json'];
        if (problem) response.content = { 'application/problem+json': problem };
      }
    }
  }
}
