import { z } from 'zod';

/**
 * What the registry answers. One schema per answer: the types, the HTTP answers and `openapi.json` come from here.
 */

export const socketEntry = z
  .object({
    socketId: z.string(),
    user: z.string(),
    node: z.string().meta({ description: 'The gateway process that holds the connection' }),
    namespace: z.string(),
    transport: z.enum(['polling', 'websocket', 'webtransport']),
    protocol: z
      .union([z.literal(3), z.literal(4)])
      .meta({ description: 'Engine.IO protocol: 3 for 2.x clients, 4 for 3.x and 4.x' }),
    address: z.string(),
    userAgent: z.string(),
    connectedAt: z.string().meta({ description: 'RFC 3339', format: 'date-time' }),
    rooms: z
      .array(z.string())
      .meta({ description: 'Without the two that every socket has: its own ID and `user:<id>`' }),
    info: z.unknown().meta({ description: 'What the client’s token says of the user; any JSON value' }),
  })
  .meta({ id: 'SocketEntry' });

export const userCount = z.object({ user: z.string(), sockets: z.int().min(1) }).meta({ id: 'UserCount' });

export const userEntry = z
  .object({
    user: z.string(),
    online: z.boolean(),
    sockets: z.array(socketEntry),
    rooms: z.array(z.string()),
  })
  .meta({ id: 'UserEntry' });

export const roomEntry = z
  .object({ room: z.string(), sockets: z.int().min(0), users: z.int().min(0) })
  .meta({ id: 'RoomEntry' });

export const memberEntry = z
  .object({ user: z.string(), info: z.unknown(), sockets: z.int().min(1) })
  .meta({ id: 'MemberEntry' });

export const blockEntry = z.object({ user: z.string() }).meta({ id: 'BlockEntry' });

export const nodeEntry = z
  .object({
    node: z.string(),
    sockets: z.int().min(0),
    startedAt: z.string().meta({ format: 'date-time' }),
    host: z.string().nullable().meta({ description: 'The name of its machine; `null` of an older version' }),
    pid: z.int().nullable(),
    version: z.string().nullable(),
    leaseExpiresInMs: z
      .int()
      .nullable()
      .meta({ description: '`null` with the memory engine: the only node needs no lease' }),
  })
  .meta({ id: 'NodeEntry' });

export const stats = z
  .object({
    sockets: z.int().min(0),
    users: z.int().min(0),
    rooms: z.int().min(0),
    nodes: z.int().min(1),
  })
  .meta({ id: 'Stats' });

/** One connected socket. [R2] */
export type SocketEntry = z.infer<typeof socketEntry>;
/** An online user and how many sockets it has. */
export type UserCount = z.infer<typeof userCount>;
/** A user, online or not, with its sockets and the rooms they are in. */
export type UserEntry = z.infer<typeof userEntry>;
/** A room with its counts; an empty room has zeros. */
export type RoomEntry = z.infer<typeof roomEntry>;
/** A user in a room. [M5] */
export type MemberEntry = z.infer<typeof memberEntry>;
/** A user that is blocked. [A6] */
export type BlockEntry = z.infer<typeof blockEntry>;
/** A gateway process. */
export type NodeEntry = z.infer<typeof nodeEntry>;
/** Totals over all nodes. */
export type Stats = z.infer<typeof stats>;

/** One page of a list; `next` is the cursor of the following page, `null` on the last. [R3] */
export interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
  readonly total: number;
}
