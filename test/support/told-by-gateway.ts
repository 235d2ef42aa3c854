/** All that a gateway of this process would answer about its clients and publications. */
import type { INestApplication } from '@nestjs/common';
import { TOP_KINDS, TOP_MEASURES } from '../../src/backend/explain.schemas.js';
import { Explainer } from '../../src/backend/explainer.js';
import { Engine } from '../../src/engine/engine.js';
import { FlightRecorder } from '../../src/recorder/flight-recorder.js';
import { LocalRecord, type NodeQuestionOfRecord } from '../../src/recorder/local-record.js';

/** Where clients of tests come from. */
const ADDRESSES = ['127.0.0.1', '::1'];
const MAX_USERS = 20;

const find = <Type>(
  app: INestApplication,
  type: abstract new (...args: never[]) => Type,
): Type | undefined => {
  try {
    return app.get<Type>(type, { strict: false });
  } catch {
    return undefined; // An app that has no such part.
  }
};

/** Records, stories, lists and, where no other node has to be asked for them, findings; as texts. */
export async function everythingTold(
  app: INestApplication,
  publications: readonly string[],
): Promise<readonly string[]> {
  const record = find(app, LocalRecord);
  const recorder = find(app, FlightRecorder);
  if (!record || !recorder || recorder.isOff) return [];
  const questions: NodeQuestionOfRecord[] = [
    ...ADDRESSES.map((address) => ({ of: 'subject', subject: ['address', address] }) as const),
    ...publications.map((id) => ({ of: 'publication', id }) as const),
    ...TOP_MEASURES.flatMap((by) => TOP_KINDS.map((kind) => ({ of: 'top', by, kind }) as const)),
  ];
  const answers = await Promise.all(questions.map((question) => record.answer(question)));
  const texts = answers.map((answer) => JSON.stringify(answer));
  const explainer = find(app, Explainer);
  const isAlone = find(app, Engine)?.isShared !== true;
  if (!explainer || !isAlone) return texts;
  const users = answers.flatMap((answer) => usersIn(answer)).slice(0, MAX_USERS);
  for (const query of [
    ...ADDRESSES.map((address) => ({ address })),
    ...[...new Set(users)].map((user) => ({ user })),
    ...publications.slice(0, MAX_USERS).map((publication) => ({ publication, user: users[0] ?? 'nobody' })),
  ]) {
    texts.push(JSON.stringify(await explainer.explain(query)));
  }
  return texts;
}

const usersIn = (answer: unknown): string[] => {
  const { episodes = [] } = answer as { readonly episodes?: readonly { readonly user: string | null }[] };
  return episodes.flatMap(({ user }) => user ?? []);
};

/** Traces this machine's clients, without payloads; what is returned ends it and says what was traced. */
export function traceOf(app: INestApplication): () => readonly string[] {
  const recorder = find(app, FlightRecorder);
  if (!recorder || recorder.isOff) return () => [];
  const lines: string[] = [];
  const trace = recorder.traces.begin({ address: ADDRESSES[0]! }, false, () => {
    lines.push(JSON.stringify(trace.take()));
  });
  return () => {
    trace.close();
    return [...lines, JSON.stringify(trace.take())];
  };
}
