/** Asks the flight record, and waits until it says what a test is about. */
import type { TestGateway } from 'switchboard-gateway/testing';
import type { ExplainAnswer } from '../../src/backend/explain.schemas.js';

export type Query = Readonly<Record<string, string>>;
export type Headers = Readonly<Record<string, string>>;

/** `GET /v1/explain`. */
export async function explain(
  { url }: Pick<TestGateway, 'url'>,
  query: Query,
  headers: Headers = {},
): Promise<ExplainAnswer> {
  const response = await fetch(`${url}/v1/explain?${new URLSearchParams(query)}`, { headers });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text) as ExplainAnswer;
}

/** An answer takes processor time: what takes seconds is not asked for every few milliseconds. */
const LONGEST_PAUSE_MS = 250;

/** Asks until the answer is as the test wants it; what becomes known a moment later is no failure. */
export async function explained(
  gateway: Pick<TestGateway, 'url'>,
  query: Query,
  isSo: (answer: ExplainAnswer) => boolean,
  headers: Headers = {},
): Promise<ExplainAnswer> {
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    const answer = await explain(gateway, query, headers);
    if (isSo(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Findings by their IDs, as `id confidence`. */
export const found = ({ findings }: ExplainAnswer): string[] =>
  findings.map(({ id, confidence }) => `${id} ${confidence}`);

/** A finding, once the record has it. */
export const foundIn = async (
  gateway: Pick<TestGateway, 'url'>,
  query: Query,
  id: string,
): Promise<ExplainAnswer['findings'][number]> => {
  const answer = await explained(gateway, query, ({ findings }) => findings.some((each) => each.id === id));
  return answer.findings.find((each) => each.id === id)!;
};
