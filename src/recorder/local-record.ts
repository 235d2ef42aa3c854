import { connectionNamed } from '../platform/engine-connection.js';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { TopKind, TopMeasure } from '../backend/explain.schemas.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { signsOf, vitalsOf } from '../delivery/vitals.js';
import { Namespaces } from '../sockets/namespaces.js';
import { findSocketState, type GatewaySocket } from '../sockets/socket-state.js';
import type { Episode, UnknownSession } from './episode.js';
import { episodeOf } from './episode-of.js';
import { FlightRecorder, type ConnectionsQuestion } from './flight-recorder.js';
import { ForeignTraces, type TraceQuestion } from './shared-trace.js';
import { HeavyHitters, type HeavyHitter } from './heavy-hitters.js';

/** The subject whose record is asked for. */
export type Subject = readonly [kind: 'user' | 'socket' | 'address', name: string];

/** What nodes ask each other. A kind that is not known is from a newer version, and is not answered. */
export type NodeQuestionOfRecord =
  | { readonly of: 'subject'; readonly subject: Subject }
  | { readonly of: 'publication'; readonly id: string }
  | { readonly of: 'top'; readonly by: TopMeasure; readonly kind: TopKind }
  | { readonly of: 'named'; readonly question: NodeQuestionOfRecord }
  | TraceQuestion
  | ConnectionsQuestion;

/** Sockets of one address that are told. */
const MAX_OPEN = 200;
const MAX_TOP = 64;

/** What this node alone knows, for whoever asks. */
@Injectable()
export class LocalRecord implements OnModuleDestroy {
  private readonly foreignTraces: ForeignTraces;

  constructor(
    private readonly recorder: FlightRecorder,
    private readonly namespaces: Namespaces,
    private readonly node: NodeIdentity,
  ) {
    this.foreignTraces = new ForeignTraces(recorder.traces);
  }

  onModuleDestroy(): void {
    this.foreignTraces.stop();
  }

  async answer(question: NodeQuestionOfRecord): Promise<unknown> {
    const { recorder } = this;
    switch (question.of) {
      case 'named':
        return { node: this.node.id, part: await this.answer(question.question) };
      case 'subject':
        return this.subject(question.subject);
      case 'publication':
        return {
          story: recorder.publications.story(question.id) ?? null,
          exceptions: recorder.publications.exceptionsOf(question.id),
        };
      case 'top':
        return this.top(question.by, question.kind);
      case 'trace':
        return this.foreignTraces.take(question);
      case 'connections':
        return question.ids.filter((id) => this.hasConnection(id));
      default:
        return null;
    }
  }

  private subject(subject: Subject): { episodes: Episode[]; unknownSessions: UnknownSession[] } {
    const [kind, name] = subject;
    const { ring, refusals, unknownSessions, recording } = this.recorder;
    const open = this.openOf(subject)
      .slice(0, MAX_OPEN)
      .map((socket) => episodeOf(findSocketState(socket)!, recording));
    const ended =
      kind === 'user'
        ? [...refusals.ofUser(name), ...ring.ofUser(name)]
        : kind === 'address'
          ? [...refusals.ofAddress(name), ...ring.ofAddress(name)]
          : this.endedOf(name, open);
    const episodes = [...ended, ...open];
    const addresses = kind === 'address' ? new Set([name]) : new Set(episodes.map(({ address }) => address));
    return { episodes, unknownSessions: unknownSessions.of(addresses) };
  }

  /** A socket and, where its user is known, what came after it. */
  private endedOf(socketId: string, open: readonly Episode[]): Episode[] {
    const { ring } = this.recorder;
    const last = ring.ofSocket(socketId);
    const user = open[0]?.user ?? last?.user ?? null;
    if (user === null) return last ? [last] : [];
    const episodes = ring.ofUser(user);
    const first = episodes.findIndex((each) => each.socketId === socketId);
    return first === -1 ? [] : episodes.slice(first);
  }

  private openOf([kind, name]: Subject): GatewaySocket[] {
    if (kind === 'user') return [...this.namespaces.socketsOfUser(name)];
    if (kind === 'socket') {
      const socket = this.namespaces.findSocket(name);
      return socket ? [socket] : [];
    }
    return [...this.namespaces.allSockets()].filter((socket) => findSocketState(socket)?.address === name);
  }

  /** With what has not been added up yet: bytes of sockets that are open. */
  private top(by: TopMeasure, kind: TopKind): HeavyHitter[] {
    const list = this.recorder.tops.list(by, kind);
    if ((by !== 'bytes' && by !== 'unsent') || (kind !== 'user' && kind !== 'address')) return list.top();
    const open = new HeavyHitters(1_000);
    for (const socket of this.namespaces.allSockets()) {
      const state = findSocketState(socket);
      const bytes = by === 'bytes' ? bytesOf(socket) : (vitalsOf(socket.conn)?.unsentPeak ?? 0);
      if (state && bytes > 0) open.add(state[kind], bytes);
    }
    return [...list.top(), ...open.top(MAX_TOP)];
  }

  private hasConnection(id: string): boolean {
    return this.namespaces.all.some(({ nsp }) => connectionNamed(nsp.server.engine, id) !== undefined);
  }
}

function bytesOf({ conn }: GatewaySocket): number {
  const { bytesIn, bytesOut } = signsOf(conn);
  return (bytesIn ?? 0) + (bytesOut ?? 0);
}
