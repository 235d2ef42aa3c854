/** Credentials for a run. They protect nothing: the peers listen on loopback for some seconds. */
import { createHash, createHmac } from 'node:crypto';

export const JWT_SECRET = 'benchmark-secret-benchmark-secret-benchmark';
export const API_KEY = 'benchmark-key-benchmark-key-benchmark-key';
export const API_KEY_ENTRY = `bench:${createHash('sha256').update(API_KEY).digest('hex')}:read+emit+manage`;

const VALID_SECONDS = 3600;

/** @param {object} value */
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** @param {string} user */
export function signToken(user) {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: user, iat: now, exp: now + VALID_SECONDS })}`;
  return `${signed}.${createHmac('sha256', JWT_SECRET).update(signed).digest('base64url')}`;
}

/**
 * What a Socket.IO app writes by hand to know its users: verify the token, keep the user, join their room.
 * @param {import('socket.io').Server} io
 */
export async function requireToken(io) {
  const { jwtVerify } = await import('jose');
  const key = new TextEncoder().encode(JWT_SECRET);
  io.use((socket, next) => {
    jwtVerify(socket.handshake.auth.token, key).then(({ payload }) => {
      socket.data.user = payload.sub;
      void socket.join(`user:${payload.sub}`);
      next();
    }, next);
  });
}
