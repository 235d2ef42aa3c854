import { Inject, Injectable } from '@nestjs/common';
import type { TraceLine } from '../backend/explainer.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Engine } from '../engine/engine.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { JsonValue } from '../protocol/json.js';
import type { Episode, UnknownSession } from './episode.js';
import { EPISODES_PER_KEY } from './episode-ring.js';
import { linked } from './linked.js';
import { LocalRecord, type NodeQuestionOfRecord, type Subject } from './local-record.js';
import { eachOnce, withoutClaims } from './merged-records.js';
import type { TraceQuestion } from './shared-trace.js';

/** A node that takes longer is named, and not waited for. */
const NODES_WITHIN_MS = 1_000;

/** What all nodes have answered. */
export interface Told<Part> {
  readonly parts: readonly Part[];
  readonly unanswered: readonly string[];
  readonly nodes: number;
}

/** What is remembered of a subject. */
export interface KnownOfSubject extends Omit<Told<never>, 'parts'> {
  /** Each once, oldest first. */
  readonly episodes: readonly Episode[];
  readonly unknownSessions: readonly UnknownSession[];
}

interface SubjectPart {
  readonly episodes: readonly Episode[];
  readonly unknownSessions: readonly UnknownSession[];
}

/** The records of all nodes, and what shared state keeps of connections that have ended. */
@Injectable()
export class AllRecords {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly local: LocalRecord,
    private readonly engine: Engine,
    private readonly node: NodeIdentity,
  ) {}

  /** What all nodes and shared state know of a subject, each episode once, oldest first. */
  async of(subject: Subject): Promise<KnownOfSubject> {
    const [told, stored] = await Promise.all([
      this.ask<SubjectPart>({ of: 'subject', subject }),
      this.storedOf(subject),
    ]);
    const known = eachOnce([...told.parts.flatMap(({ episodes }) => episodes), ...stored]);
    const kept = subject[0] === 'user' ? withoutClaims(known) : known;
    const episodes = linked(kept, this.config.recoveryWindowMs).slice(-EPISODES_PER_KEY);
    const unknownSessions = told.parts
      .flatMap((part) => part.unknownSessions)
      .toSorted((one, other) => one.at - other.at);
    return { episodes, unknownSessions, unanswered: told.unanswered, nodes: told.nodes };
  }

  private async storedOf(subject: Subject): Promise<Episode[]> {
    try {
      const texts = (await this.engine.flights?.read(subject)) ?? [];
      return texts.map((text) => JSON.parse(text) as Episode);
    } catch (failure) {
      // What the nodes themselves know is told all the same.
      if (failure instanceof SwitchboardError) return [];
      throw failure;
    }
  }

  /** This node, and all others within their time; those that do not answer are named. */
  async ask<Part>(question: NodeQuestionOfRecord): Promise<Told<Part>> {
    const here = (await this.local.answer(question)) as Part;
    if (!this.engine.isShared) return { parts: [here], unanswered: [], nodes: 1 };
    const others = (await this.otherNodes()) ?? [];
    const answers = await this.engine
      .ask({ ask: 'record', question: { of: 'named', question } as unknown as JsonValue }, NODES_WITHIN_MS)
      .then(({ answers }) => answers as readonly { readonly node: string; readonly part: Part }[])
      .catch((failure: unknown) => {
        if (failure instanceof SwitchboardError) return [];
        throw failure;
      });
    const answered = new Set(answers.map(({ node }) => node));
    return {
      parts: [here, ...answers.map(({ part }) => part)],
      unanswered: others.filter((node) => !answered.has(node)),
      nodes: others.length + 1,
    };
  }

  private async otherNodes(): Promise<string[] | undefined> {
    try {
      return (await this.engine.nodes(0)).map(({ node }) => node).filter((node) => node !== this.node.id);
    } catch {
      // Shared state is gone: this node is all that can be asked.
      return undefined;
    }
  }

  /** What cannot be had now is had the next time, as far as the others keep it. */
  async linesOfOthers(question: TraceQuestion): Promise<readonly (readonly TraceLine[])[]> {
    try {
      const asked = { ask: 'record', question: question as unknown as JsonValue } as const;
      return (await this.engine.ask(asked, NODES_WITHIN_MS)).answers as (readonly TraceLine[])[];
    } catch {
      return [];
    }
  }
}
