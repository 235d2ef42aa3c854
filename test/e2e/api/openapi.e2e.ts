import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { describeWithBrowser, TestBrowser } from '../../support/browser.js';
import { sendRaw } from '../../support/raw-http.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Media {
  schema: Json;
}

interface Operation {
  operationId: string;
  summary?: string;
  tags?: string[];
  parameters: { name: string; in: string; required?: boolean; schema: Json }[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}

interface OpenApi {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; securitySchemes: Record<string, Json> };
}

const ROUTES = [
  'POST /v1/emit',
  'POST /v1/batch',
  'GET /v1/sockets',
  'GET /v1/sockets/{id}',
  'DELETE /v1/sockets/{id}',
  'PUT /v1/sockets/{id}/rooms/{room}',
  'DELETE /v1/sockets/{id}/rooms/{room}',
  'GET /v1/users',
  'GET /v1/users/{user}',
  'DELETE /v1/users/{user}/sockets',
  'PUT /v1/users/{user}/rooms/{room}',
  'DELETE /v1/users/{user}/rooms/{room}',
  'GET /v1/rooms',
  'GET /v1/rooms/{room}',
  'GET /v1/rooms/{room}/members',
  'GET /v1/rooms/{room}/history',
  'DELETE /v1/rooms/{room}/history',
  'GET /v1/nodes',
  'GET /v1/stats',
  'GET /v1/explain',
  'GET /v1/top',
  'GET /v1/trace',
];

const SCHEMAS = [
  'EmitRequest',
  'EmitAnswer',
  'AckAnswer',
  'BatchRequest',
  'BatchAnswer',
  'Target',
  'Problem',
  'SocketEntry',
  'UserCount',
  'UserEntry',
  'RoomEntry',
  'MemberEntry',
  'HistoryAnswer',
  'NodeEntry',
  'Stats',
];

/** Keywords of JSON Schema that OpenAPI 3.0 does not know; generators of clients stumble over them. */
const NOT_IN_OPENAPI_3_0 = [
  'const',
  '$schema',
  '$defs',
  '$id',
  'prefixItems',
  'propertyNames',
  'patternProperties',
];

function* walk(value: Json, path = '#'): Generator<[path: string, object: Record<string, Json>]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [path, value];
  for (const [key, child] of Object.entries(value)) yield* walk(child, `${path}/${key}`);
}

describe('the description of the API', () => {
  let gateway: TestGateway;
  let document: OpenApi;

  const operations = (): [string, Operation][] =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    );
  const resolve = (reference: string): Json | undefined =>
    reference
      .split('/')
      .slice(1)
      .reduce<Json | undefined>(
        (value, key) => (value as Record<string, Json> | undefined)?.[key.replaceAll('~1', '/')],
        document as unknown as Json,
      );
  const schemaOf = (media: Media | undefined): Record<string, Json> => {
    const schema = media!.schema as Record<string, Json>;
    return (typeof schema['$ref'] === 'string' ? resolve(schema['$ref']) : schema) as Record<string, Json>;
  };

  beforeAll(async () => {
    gateway = await startGateway();
    document = (await gateway.http<OpenApi>('GET', '/openapi.json')).body;
  });
  afterAll(() => gateway.close());

  it('is OpenAPI 3 with a title and a version', () => {
    expect(document.openapi).toMatch(/^3\.\d+\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Switchboard', version: expect.any(String) });
  });

  it('names every route of the API, and nothing that is no part of it', () => {
    const described = operations().map(([route]) => route);
    expect(described).toEqual(expect.arrayContaining(ROUTES));
    expect(described.filter((route) => !/^[A-Z]+ \/v1\//.test(route))).toEqual([]);
  });

  it('every route that is described exists', async () => {
    for (const [route, { responses }] of operations()) {
      const [method, path] = route.split(' ') as [string, string];
      const filled = path.replaceAll(/\{(\w+)\}/g, 'some-$1');
      const { status, body } = await gateway.http(method, filled);
      expect([route, body['code']]).not.toEqual([route, 'route.unknown']);
      expect([route, Object.keys(responses)]).toEqual([route, expect.arrayContaining([String(status)])]);
    }
  });

  it('[E1] [E2] every code that a request can be answered with is described, at its status', async () => {
    const tooLong = 'x'.repeat(300);
    const json = { 'content-type': 'application/json' };
    const attempts: [query: string, headers: Record<string, string>, body?: string][] = [
      ['', {}],
      ['?limit=none&cursor=none&reconnect=perhaps', {}],
      ['', { origin: 'https://elsewhere.example' }],
      ['', { 'content-type': 'text/plain' }, 'text'],
      ['', json, '{'],
      ['', json, '{}'],
      ['', json, JSON.stringify('x'.repeat(2_000_000))],
      ['', json, JSON.stringify({ to: { all: true }, event: 'connect' })],
      ['', json, JSON.stringify({ to: { rooms: ['not a room'] }, event: 'x' })],
    ];
    for (const [route, { responses }] of operations()) {
      const [method, path] = route.split(' ') as [string, string];
      for (const name of ['a-name', tooLong, 'no%20room', '%E0%A4%A']) {
        for (const [query, headers, body] of attempts) {
          if (method === 'GET' && body !== undefined) continue;
          const filled = path.replaceAll(/\{\w+\}/g, name) + query;
          const length: Record<string, string> =
            body === undefined ? {} : { 'content-length': String(body.length) };
          const answer = await sendRaw(gateway.url, {
            method,
            path: filled,
            headers: { ...headers, ...length },
            body,
          });
          if (answer.status < 400) continue;
          const { code } = JSON.parse(answer.text) as { code: string };
          const described = responses[answer.status]?.description.split(', ');
          expect([route, name, headers, code, described]).toEqual([
            route,
            name,
            headers,
            code,
            expect.arrayContaining([code]),
          ]);
        }
      }
    }
  });

  it('[O3] [E1] every route says that shared state may be gone', () => {
    for (const [route, { responses }] of operations()) {
      expect([route, responses['503']?.description]).toEqual([route, 'engine.unavailable']);
    }
  });

  it('each operation has an ID of its own, a summary and described answers', () => {
    const ids = operations().map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [route, { operationId, summary, responses }] of operations()) {
      expect([route, operationId]).toEqual([route, expect.stringMatching(/^[A-Za-z]\w*$/)]);
      expect([route, summary]).toEqual([route, expect.stringMatching(/\S/)]);
      expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
      for (const { description } of Object.values(responses)) expect(description).toMatch(/\S/);
    }
  });

  it('every parameter of a path is described, and required', () => {
    for (const [route, { parameters }] of operations()) {
      const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const described = parameters.filter((parameter) => parameter.in === 'path');
      expect([route, described.map(({ name }) => name).toSorted()]).toEqual([route, inPath.toSorted()]);
      for (const { required, schema } of described)
        expect([route, required, schema]).toEqual([route, true, expect.anything()]);
    }
  });

  it('every reference leads somewhere', () => {
    const references = [...walk(document as unknown as Json)].flatMap(([path, { $ref }]) =>
      typeof $ref === 'string' ? [[path, $ref] as const] : [],
    );
    expect(references.length).toBeGreaterThan(20);
    for (const [path, reference] of references) {
      expect([path, reference]).toEqual([path, expect.stringMatching(/^#\/components\/schemas\/\w+$/)]);
      expect([path, reference, typeof resolve(reference)]).toEqual([path, reference, 'object']);
    }
  });

  it('schemas use only what their version of OpenAPI knows', () => {
    for (const [path, object] of walk(document as unknown as Json)) {
      // Names of properties may be anything.
      if (path.endsWith('/properties')) continue;
      for (const keyword of NOT_IN_OPENAPI_3_0) expect([path, keyword in object]).toEqual([path, false]);
      if ('type' in object && !path.endsWith('securitySchemes/bearer')) {
        const types = ['object', 'array', 'string', 'number', 'integer', 'boolean'];
        expect([path, types.includes(object['type'] as string)]).toEqual([path, true]);
      }
    }
  });

  it('schemas have the names under which the code and the documentation know them', () => {
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(SCHEMAS));
  });

  it('a list is described as items, next and total', () => {
    const lists: Record<string, string> = {
      '/v1/sockets': 'SocketEntry',
      '/v1/users': 'UserCount',
      '/v1/rooms': 'RoomEntry',
      '/v1/rooms/{room}/members': 'MemberEntry',
      '/v1/nodes': 'NodeEntry',
    };
    for (const [path, item] of Object.entries(lists)) {
      const schema = schemaOf(document.paths[path]!['get']!.responses['200']!.content!['application/json']);
      expect(schema['properties']).toMatchObject({
        items: { type: 'array', items: { $ref: `#/components/schemas/${item}` } },
        next: { type: 'string', nullable: true },
        total: { type: 'integer' },
      });
    }
  });

  it('[D6] emit is described with both of its answers and its whole request', () => {
    const { requestBody, responses } = document.paths['/v1/emit']!['post']!;
    expect(requestBody!.required).toBe(true);
    expect(Object.keys(schemaOf(requestBody!.content['application/json'])['properties']!)).toEqual([
      'to',
      'except',
      'event',
      'args',
      'data',
      'volatile',
      'ack',
    ]);
    expect(schemaOf(responses['202']!.content!['application/json'])).toMatchObject({
      required: ['id', 'matched'],
    });
    expect(schemaOf(responses['200']!.content!['application/json'])).toMatchObject({
      required: ['id', 'responses', 'missing'],
    });
  });

  it('a batch is described with its four commands', () => {
    const { requestBody } = document.paths['/v1/batch']!['post']!;
    const text = JSON.stringify(schemaOf(requestBody!.content['application/json']));
    expect(text).toContain('"maxItems":1000');
    const command = JSON.stringify(document.components.schemas['Command']);
    for (const kind of ['emit', 'join', 'leave', 'disconnect']) expect(command).toContain(`"${kind}":`);
  });

  it('[E2] failures are described as problem documents under their own content type', () => {
    for (const [route, { responses }] of operations()) {
      for (const [status, { content }] of Object.entries(responses)) {
        if (Number(status) < 400) continue;
        expect([route, status, content]).toEqual([
          route,
          status,
          { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        ]);
      }
    }
  });

  it('what the gateway answers has exactly the members that are described', async () => {
    await gateway.connect({ auth: { user: 'ada' } });
    const { body } = await gateway.http<{ items: object[] }>('GET', '/v1/sockets');
    const described = document.components.schemas['SocketEntry'] as {
      properties: object;
      required: string[];
    };
    expect(Object.keys(body.items[0]!).toSorted()).toEqual(Object.keys(described.properties).toSorted());
  });

  describe('/docs', () => {
    it('is a page whose own parts all come from the gateway', async () => {
      const response = await fetch(`${gateway.url}/docs`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^text\/html/);
      const page = await response.text();
      const parts = [...page.matchAll(/\s(?:src|href)="([^"#]+)"/g)].map(([, part]) => part!);
      expect(parts.length).toBeGreaterThan(3);
      for (const part of parts) {
        const address = new URL(part, `${gateway.url}/docs`);
        expect(address.origin).toBe(gateway.url);
        expect([part, (await fetch(address)).status]).toEqual([part, 200]);
      }
    });
  });

  describeWithBrowser('/docs in a browser', () => {
    let browser: TestBrowser;
    beforeAll(async () => {
      browser = await TestBrowser.launch();
    });
    afterEach(() => browser.leave());
    afterAll(() => browser?.close());

    it('shows every group of routes and asks nobody but the gateway', async () => {
      const { page, problems, asked } = await browser.open(`${gateway.url}/docs`);
      await page.locator('.operation .path', { hasText: 'emit' }).first().waitFor();
      expect(await page.locator('.operation').count()).toBe(operations().length);
      const elsewhere = asked.filter((url) => !url.startsWith(gateway.url) && !url.startsWith('data:'));
      expect(elsewhere).toEqual([]);
      expect(problems).toEqual([]);
    }, 60_000);

    it('describes a request and sends it to this gateway', async () => {
      const client = await gateway.connect({ auth: { user: 'docs' } });
      const { page, problems } = await browser.open(`${gateway.url}/docs`);
      const emit = page.locator('.operation', { hasText: '/v1/emit' });
      await emit.locator('summary').first().click();
      await emit.locator('pre', { hasText: 'event: string' }).waitFor();
      await emit.locator('textarea').fill('{"to": {"users": ["docs"]}, "event": "hello", "data": 1}');
      await emit.locator('button').click();
      await emit.locator('.answer', { hasText: '"matched": 1' }).waitFor();
      expect(await client.next('hello')).toEqual([1]);
      expect(problems).toEqual([]);
    }, 60_000);

    it('[C5] links relatively, so that a proxy may put it under a path', async () => {
      const page = await (await fetch(`${gateway.url}/docs/`)).text();
      expect([...page.matchAll(/\s(?:src|href)="(\/[^"]*)"/g)]).toEqual([]);
      expect(page).toContain('docs/viewer.js');
    });
  });
});
