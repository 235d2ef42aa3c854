/** What can be asked of the flight record, and what it answers. [X2] [X3] [X5] */
import { z } from 'zod';
import { userName } from '../protocol/names.js';

const name = z.string().min(1).max(256);

const SUBJECTS = ['user', 'socket', 'address', 'publication'] as const;

/** Exactly one subject; a user may come with a publication. */
export const explainRequest = z
  .strictObject({
    user: userName.optional().meta({ description: 'A user; with `publication`: did this user get it?' }),
    socket: name.optional().meta({ description: 'A socket ID, of a socket that may have ended' }),
    address: name.optional().meta({ description: 'An address, also of clients that were refused' }),
    publication: name.optional().meta({ description: 'The ID of a publication' }),
  })
  .refine(
    (request) => {
      const given = SUBJECTS.filter((subject) => request[subject] !== undefined);
      return given.length === 1 || (given.length === 2 && given.join() === 'user,publication');
    },
    { message: 'expected one of user, socket, address and publication, or publication and user' },
  );

export type ExplainRequest = z.output<typeof explainRequest>;

export const TOP_MEASURES = ['publications', 'bytes', 'reconnects', 'refusals', 'unsent'] as const;
export const TOP_KINDS = ['user', 'room', 'address', 'key'] as const;
export type TopMeasure = (typeof TOP_MEASURES)[number];
export type TopKind = (typeof TOP_KINDS)[number];

export const topRequest = z.strictObject({
  by: z.enum(TOP_MEASURES).meta({ description: 'What is added up' }),
  of: z.enum(TOP_KINDS).meta({ description: 'Whose it is' }),
});

export type TopRequest = z.output<typeof topRequest>;

const time = z.number().meta({ description: 'Milliseconds since 1970' });
const ms = z.number().nullable();

export const finding = z
  .object({
    id: z.string().meta({ description: 'Names its page in docs/why' }),
    confidence: z.enum(['certain', 'likely', 'possible']),
    title: z.string(),
    because: z.array(z.string()).meta({ description: 'The facts that it was read from' }),
    try: z.array(z.string()).meta({ description: 'What to do' }),
    doc: z.string().meta({ description: 'Path of the page that explains it' }),
  })
  .meta({ id: 'Finding' });

export const episode = z
  .object({
    socketId: z.string().nullable(),
    user: z.string().nullable().meta({ description: 'Of a client that was refused: whom it claimed to be' }),
    address: z.string(),
    node: z.string(),
    namespace: z.string(),
    protocol: z.number().meta({ description: 'Engine.IO: 3 for 2.x clients, 4 for newer ones' }),
    origin: z.string().nullable(),
    userAgent: z.string().nullable(),
    openedAt: time,
    connectedAt: time.nullable(),
    endedAt: time.nullable(),
    firstTransport: z.string(),
    transport: z.string(),
    ping: z
      .object({ first: ms, min: ms, max: ms, last: ms })
      .meta({ description: 'Round trips in ms; none for 2.x clients' }),
    lastPongAt: time.nullable(),
    lastInAt: time.nullable(),
    traffic: z.object({
      bytesIn: z.number(),
      bytesOut: z.number(),
      eventsIn: z.number(),
      eventsOut: z.number(),
      unsentPeak: z.number(),
    }),
    refusal: z.object({ code: z.string(), cause: z.string(), stage: z.string() }).nullable(),
    recovery: z.object({ outcome: z.string(), why: z.string().nullable() }).nullable(),
    facts: z.array(
      z.object({
        at: time,
        kind: z.string(),
        name: z.string().optional(),
        code: z.string().optional(),
        ms: z.number().optional(),
      }),
    ),
    isCut: z.boolean().meta({ description: 'Whether more happened than is kept' }),
    end: z
      .object({
        by: z.enum(['client', 'network', 'gateway', 'node']),
        reason: z.string(),
        comesBack: z.boolean(),
        closeCode: z.number().nullable(),
        idleMs: ms,
        lastPongAgoMs: ms,
        unsentBytes: z.number().nullable(),
        behindForMs: ms.meta({ description: 'For how long something had been unsent without a break' }),
        loopLagMs: z.number().meta({ description: "How late the node's own timers were then" }),
      })
      .nullable(),
    next: z
      .object({ socketId: z.string(), gapMs: z.number() })
      .nullable()
      .meta({ description: 'The socket that came after it' }),
  })
  .meta({ id: 'Episode', description: 'One connection, from its first request to its end' });

const selection = z.record(z.string(), z.unknown());

export const publicationStory = z
  .object({
    id: z.string(),
    at: time,
    event: z.string(),
    by: z.object({ kind: z.enum(['key', 'user', 'app']), name: z.string().optional() }),
    namespace: z.string().nullable().meta({ description: '`null`: all of them' }),
    to: selection,
    except: selection,
    volatile: z.boolean(),
    matched: z.number().meta({ description: 'Sockets of all nodes that it was for' }),
    nodes: z.array(
      z.object({ node: z.string(), written: z.number(), dropped: z.number(), waiting: z.number() }),
    ),
    exceptions: z.array(z.object({ socketId: z.string(), what: z.string(), at: time })),
    isCut: z.boolean().meta({ description: 'Whether more happened than is kept' }),
  })
  .meta({ id: 'PublicationStory' });

export const explainAnswer = z
  .object({
    subject: z.record(z.string(), z.string()),
    now: z.object({
      at: time,
      online: z.boolean().nullable(),
      heldUntil: time.nullable().meta({ description: 'Until when a broken connection is waited for' }),
      sockets: z.array(
        z.object({
          socketId: z.string(),
          node: z.string(),
          namespace: z.string(),
          transport: z.string(),
          connectedAt: z.string(),
          rooms: z.array(z.string()),
        }),
      ),
      nodes: z.number().meta({ description: 'Live nodes' }),
      unanswered: z
        .array(z.string())
        .meta({ description: 'Nodes that did not answer in time: what only they know is missing' }),
      remembered: z.object({
        episodes: z.number(),
        publicationsSince: time
          .nullable()
          .meta({ description: 'Publications before it are remembered by this node no longer' }),
      }),
    }),
    episodes: z.array(episode),
    findings: z.array(finding),
    publication: publicationStory.nullable().optional(),
    verdict: z.string().optional(),
    because: z.array(z.string()).optional().meta({ description: 'The facts of the verdict' }),
  })
  .meta({ id: 'ExplainAnswer' });

export type ExplainAnswer = z.output<typeof explainAnswer>;

export const topAnswer = z
  .object({
    by: z.enum(TOP_MEASURES),
    of: z.enum(TOP_KINDS),
    since: time,
    items: z.array(
      z.object({
        name: z.string(),
        count: z.number(),
        error: z.number().meta({ description: 'The count is too high by so much at the most' }),
      }),
    ),
    unanswered: z.array(z.string()),
  })
  .meta({ id: 'TopAnswer' });

export type TopAnswer = z.output<typeof topAnswer>;
