/** Counts what it is told of users, without doubles. */
import { createServer } from 'node:http';

const seen = new Set();
const last = new Map();
const told = { online: 0, offline: 0, wrong: 0, requests: 0 };

function take({ id, type, data }) {
  if (!type.startsWith('user.') || seen.has(id)) return;
  seen.add(id);
  if (type === 'user.online') told.online++;
  else told.offline++;
  if (data.seq <= (last.get(data.user) ?? 0)) told.wrong++;
  last.set(data.user, data.seq);
}

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    told.requests++;
    const event = JSON.parse(Buffer.concat(parts).toString());
    if (event.type === 'batch') event.data.events.forEach(take);
    else take({ id: request.headers['webhook-id'], ...event });
    response.writeHead(204).end();
  });
}).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
setInterval(() => process.send({ told }), 50);
process.once('disconnect', () => process.exit());
