import { Inject, Injectable } from '@nestjs/common';
import { Explainer, type Trace, type TraceSubject } from '../backend/explainer.js';
import type { ExplainAnswer, ExplainRequest, TopAnswer, TopRequest } from '../backend/explain.schemas.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Engine } from '../engine/engine.js';
import type { SocketEntry } from '../protocol/entries.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { JsonValue } from '../protocol/json.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import type { Episode, Evidence, UnknownSession } from './episode.js';
import { explain } from './explain/explain.js';
import type { Finding } from './explain/finding.js';
import { storyFinding, verdictOf } from './explain/publication-verdict.js';
import { AllRecords } from './all-records.js';
import { FlightRecorder } from './flight-recorder.js';
import { mergeTop, type HeavyHitter } from './heavy-hitters.js';
import { LocalRecord, type NodeQuestionOfRecord, type Subject } from './local-record.js';
import { heldUntilOf, mergeStories, withRoomsOfNow, type StoryPart } from './merged-records.js';
import { SharedTrace } from './shared-trace.js';

const MAX_TOP = 20;

/** Reads the records of all nodes and says what they say. [X2] [X3] [X5] [X6] */
@Injectable()
export class ExplainService extends Explainer {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly recorder: FlightRecorder,
    private readonly local: LocalRecord,
    private readonly records: AllRecords,
    private readonly registry: SocketRegistry,
    private readonly engine: Engine,
  ) {
    super();
  }

  async explain(request: ExplainRequest): Promise<ExplainAnswer> {
    this.assertOn();
    const { user, socket, address, publication } = request;
    if (publication !== undefined) return this.explainPublication(publication, user);
    const subject: Subject =
      user !== undefined ? ['user', user] : socket !== undefined ? ['socket', socket] : ['address', address!];
    return this.explainSubject(subject);
  }

  async top({ by, of }: TopRequest): Promise<TopAnswer> {
    this.assertOn();
    const { parts, unanswered } = await this.records.ask<HeavyHitter[]>({ of: 'top', by, kind: of });
    return {
      by,
      of,
      since: this.recorder.tops.since,
      items: mergeTop(parts, MAX_TOP),
      unanswered: [...unanswered],
    };
  }

  trace(subject: TraceSubject, payloads: boolean, wake: () => void): Trace {
    this.assertOn();
    const here = this.recorder.traces.begin(subject, payloads, wake);
    if (!this.engine.isShared) return here;
    return new SharedTrace(here, subject, payloads, wake, (question) => this.records.linesOfOthers(question));
  }

  async answerNode(question: JsonValue): Promise<JsonValue> {
    return (await this.local.answer(question as unknown as NodeQuestionOfRecord)) as JsonValue;
  }

  private async explainSubject(subject: Subject): Promise<ExplainAnswer> {
    const [told, entries] = await Promise.all([this.records.of(subject), this.socketsOf(subject)]);
    const { episodes, ...around } = told;
    // Others behind the same address may poll: what they meet is not the business of one that does not.
    const polls = episodes.some(({ firstTransport }) => firstTransport === 'polling');
    const unknownSessions = subject[0] === 'address' || polls ? around.unknownSessions : [];
    const nearby = subject[0] === 'user' && entries.length === 0 ? await this.refusedNearby(episodes) : [];
    const evidence = {
      ...this.evidenceOf(subject, episodes, entries, unknownSessions, around.nodes),
      nearby,
    };
    return {
      subject: { [subject[0]]: subject[1] },
      now: this.nowOf(evidence, entries, around),
      episodes: mutable(evidence.episodes),
      findings: mutable(explain(evidence)),
    };
  }

  private async explainPublication(id: string, user: string | undefined): Promise<ExplainAnswer> {
    const told = await this.records.ask<StoryPart>({ of: 'publication', id });
    const story = mergeStories(told.parts);
    const finding = story && storyFinding(story);
    const findings: Finding[] = finding
      ? [{ id: 'nobody_matched', ...finding, doc: '/docs/why/nobody_matched' }]
      : [];
    const subject = { publication: id, ...(user === undefined ? {} : { user }) };
    const publication = story ? mutable(story) : null;
    if (user === undefined) {
      const evidence = this.evidenceOf(['user', ''], [], [], [], told.nodes);
      const now = this.nowOf(evidence, [], told);
      return { subject, now, episodes: [], findings: mutable(findings), publication };
    }
    const who: Subject = ['user', user];
    const [around, entries] = await Promise.all([this.records.of(who), this.socketsOf(who)]);
    const evidence = this.evidenceOf(who, around.episodes, entries, [], around.nodes);
    const { verdict, because } = verdictOf(
      story,
      user,
      evidence.episodes.map((episode) => withRoomsOfNow(episode, entries)),
    );
    return {
      subject,
      now: this.nowOf(evidence, entries, around),
      episodes: mutable(evidence.episodes),
      findings: mutable(findings),
      publication,
      verdict,
      because: [...because],
    };
  }

  /** A client that forgot its token is refused as nobody: it is looked for where the user was last. */
  private async refusedNearby(episodes: readonly Episode[]): Promise<Episode[]> {
    const last = episodes.at(-1);
    if (!last?.end) return [];
    const around = await this.records.of(['address', last.address]);
    return around.episodes.filter(({ refusal, user }) => refusal !== null && user === null);
  }

  private async socketsOf([kind, name]: Subject): Promise<SocketEntry[]> {
    try {
      if (kind === 'user') return (await this.registry.getUser(name)).sockets;
      const entry = kind === 'socket' ? await this.registry.getSocket(name) : undefined;
      return entry ? [entry] : [];
    } catch (failure) {
      if (failure instanceof SwitchboardError) return [];
      throw failure;
    }
  }

  private evidenceOf(
    [kind]: Subject,
    episodes: readonly Episode[],
    entries: readonly SocketEntry[],
    unknownSessions: readonly UnknownSession[],
    nodes: number,
  ): Evidence {
    const { pingIntervalMs, pingTimeoutMs, recoveryWindowMs } = this.config;
    const { maxPayloadBytes, eventsPerSecond, eventsBurst } = this.config;
    const now = Date.now();
    const heldUntil =
      kind === 'user' && entries.length === 0 ? heldUntilOf(episodes, recoveryWindowMs, now) : null;
    return {
      now,
      pingIntervalMs,
      pingTimeoutMs,
      recoveryWindowMs,
      maxPayloadBytes,
      eventsPerSecond,
      eventsBurst,
      nodes,
      unknownSessions,
      nearby: [],
      episodes,
      presence: kind === 'user' ? { online: entries.length > 0 || heldUntil !== null, heldUntil } : null,
    };
  }

  private nowOf(
    { now, presence }: Evidence,
    entries: readonly SocketEntry[],
    { unanswered, nodes }: { readonly unanswered: readonly string[]; readonly nodes: number },
  ): ExplainAnswer['now'] {
    return {
      at: now,
      online: presence?.online ?? null,
      heldUntil: presence?.heldUntil ?? null,
      sockets: entries.map(({ socketId, node, namespace, transport, connectedAt, rooms }) => ({
        socketId,
        node,
        namespace,
        transport,
        connectedAt,
        rooms,
      })),
      nodes,
      unanswered: [...unanswered],
      remembered: {
        episodes: this.recorder.ring.count,
        publicationsSince: this.recorder.publications.since,
      },
    };
  }

  private assertOn(): void {
    if (this.recorder.isOff) throw new SwitchboardError('explain.disabled');
  }
}

/** The answer of the API is written down at once: nobody changes it. */
const mutable = <Value>(value: Value): Mutable<Value> => value as Mutable<Value>;

type Mutable<Value> = Value extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : Value extends object
    ? { -readonly [Key in keyof Value]: Mutable<Value[Key]> }
    : Value;
