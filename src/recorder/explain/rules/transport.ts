import type { Conclusion, Rule } from '../finding.js';
import { at, endedConnections, factsOf, isHalfUpgraded, size, span, times, withReason } from '../reading.js';

/** An upgrade that was to come has come within this time. */
const UPGRADE_MS = 10_000;

/** Requests of one client reach nodes that do not know its session. */
export const notSticky: Rule = {
  id: 'not_sticky',
  read({ unknownSessions, nodes }): Conclusion | undefined {
    const elsewhere = unknownSessions.filter(({ isElsewhere }) => isElsewhere);
    const last = unknownSessions.at(-1);
    if (!last) return undefined;
    if (elsewhere.length === 0 && nodes < 2) return undefined;
    return {
      confidence: elsewhere.length > 0 ? 'certain' : 'possible',
      title: 'Requests of one client reach different nodes',
      because: [
        `${times(unknownSessions.length, 'request')} with a session that the node does not have ("Session ID unknown"), the last at ${at(last.at)}`,
        elsewhere.length > 0
          ? `${elsewhere.length} of them belong to a connection of another live node`
          : `there are ${nodes} nodes`,
      ],
      try: [
        'make the balancer sticky, by cookie or by address: deploy/ has files for nginx and HAProxy',
        "or let clients use WebSocket alone: `transports: ['websocket']`",
      ],
    };
  },
};

/** A client that stays on polling although both sides may upgrade. */
export const stuckOnPolling: Rule = {
  id: 'stuck_on_polling',
  read({ episodes, now }): Conclusion | undefined {
    const stuck = episodes.filter(
      ({ transport, connectedAt, endedAt }) =>
        transport === 'polling' && connectedAt !== null && (endedAt ?? now) - connectedAt > UPGRADE_MS,
    );
    const last = stuck.at(-1);
    if (!last) return undefined;
    const failed = factsOf(last, 'upgrade_failed').at(-1);
    const tried = factsOf(last, 'upgrade_tried').length;
    const halfway = isHalfUpgraded(last);
    const hasFallenSilent = halfway && last.end?.reason === 'ping_timeout';
    return {
      confidence: hasFallenSilent ? 'certain' : failed || halfway ? 'likely' : 'possible',
      title: halfway
        ? 'The upgrade to WebSocket began and never ended: the client has paused its polling'
        : 'The client stays on long polling',
      because: [
        `on polling ${span((last.endedAt ?? now) - last.connectedAt!)} after it connected`,
        failed
          ? `an upgrade failed${failed.code === undefined ? '' : `: ${failed.code}`}`
          : tried > 0
            ? `${times(tried, 'upgrade')} tried, none finished`
            : 'no attempt to upgrade reached the gateway',
        ...(hasFallenSilent ? ['then it fell silent, and its connection ended with a ping time-out'] : []),
      ],
      try:
        tried === 0
          ? [
              'let the proxy pass `Upgrade` and `Connection` on: deploy/ has files for nginx and HAProxy',
              'see whether the client is told `transports: ["polling"]` or `upgrade: false`',
            ]
          : [
              halfway
                ? 'look for a proxy or firewall that lets a WebSocket begin and passes nothing on after that'
                : 'look for a proxy that closes WebSockets at once, or answers 400 or 403 to them',
              "or begin with WebSocket: `transports: ['websocket', 'polling']`",
            ],
    };
  },
};

/** A message over the limit ends the connection, and the client sends it again. */
export const payloadTooLarge: Rule = {
  id: 'payload_too_large',
  read({ episodes, maxPayloadBytes }): Conclusion | undefined {
    const ended = withReason(episodes, 'payload.too_large');
    const last = ended.at(-1);
    if (!last) return undefined;
    const all = endedConnections(episodes);
    const holds = episodes.some(
      ({ connectedAt, endedAt }) => connectedAt !== null && connectedAt >= last.endedAt && endedAt === null,
    );
    return {
      confidence: 'certain',
      title: `The client sent a message of more than ${size(maxPayloadBytes)}, which ends its connection`,
      because: [
        `it happened ${times(ended.length, 'time')} in ${times(all.length, 'connection')}, the last at ${at(last.endedAt)}`,
        `SWITCHBOARD_MAX_PAYLOAD_BYTES is ${maxPayloadBytes}`,
        ...(ended.length > 1 ? ['the client sent such a message again after it had come back'] : []),
        ...(holds ? ['a connection that came later is open still'] : []),
      ],
      try: [
        'send files over HTTP and only their address through the socket',
        'or raise SWITCHBOARD_MAX_PAYLOAD_BYTES',
      ],
    };
  },
};
