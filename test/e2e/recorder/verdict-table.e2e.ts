/** Did this user get that publication? Every verdict, on one node. [X3] */
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { VERDICTS } from '../../../src/recorder/explain/publication-verdict.js';
import { VERDICT_CASES, VERDICT_OPTIONS, verdictOf } from '../../support/verdicts.js';

describe('the verdicts of one node', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway(VERDICT_OPTIONS);
  });
  afterAll(() => gateway?.close());

  it.each(VERDICT_CASES)('[X3] %s: %s', async (verdict, _, make) => {
    const places = { home: gateway, asked: gateway };
    expect(await verdictOf(places, await make(places), verdict)).toBe(verdict);
  });

  it('[X3] are all made; a node that dies takes two', () => {
    const made = new Set(VERDICT_CASES.map(([verdict]) => verdict));
    expect(VERDICTS.filter((verdict) => !made.has(verdict))).toEqual(['node_lost']);
  });
});
