/** What a client is measured by, and how it comes out. [L12] */

/** What is measured, in the order of the table in docs/clients.md. */
export const FEATURES = {
  connects: 'connects',
  knowsItsId: 'knows its socket ID',
  tokenInAuth: 'presents a token in `auth`',
  tokenInHeader: 'presents a token in the header `Authorization`',
  tokenInQuery: 'presents a token in the query (not taken from these clients, A1)',
  refusal: 'is told the code of a refusal',
  joins: 'joins a room and gets the answer',
  sendsAtOnce: 'sends at once, also while nothing arrives',
  receives: 'receives what is sent to all, its room, its user, its socket',
  binaryAlone: 'receives one binary argument alone',
  binaryInside: 'receives binary in objects and beside other arguments',
  binaryOut: 'sends binary',
  answers: 'answers a publication that asks for it',
  answersBinary: 'answers with binary',
  binaryAnswer: 'gets binary in an answer',
  burst: '200 publications at once arrive',
  inOrder: 'its handlers see them in order',
  bigIn: 'receives 2 MB in one message',
  bigOut: 'sends 2 MB in one message',
  kickedWithReturn: 'is told of a kick with return, and comes back by itself',
  resumes: 'resumes by `since` without a gap or a double',
  drained: 'is told that its node drains, and comes back to another',
  killed: 'comes back when its node was killed',
  kicked: 'is told of a kick, and stays away',
} as const;

export type Feature = keyof typeof FEATURES;
/** How often it could, of how many times: measured anew, the same client gave another result. */
export type Share = `${number} of ${number}`;
export type Outcome = 'yes' | 'no' | Share;
export type Outcomes = Partial<Record<Feature, Outcome>>;

export const isShare = (outcome: Outcome | undefined): outcome is Share => outcome?.includes(' of ') ?? false;

/** Happens to all at once, so once. */
export const ENDINGS: ReadonlySet<Feature> = new Set(['drained', 'killed', 'kicked'] as const);

/** What is not able to do these is as it was: another process tried, or nothing is still to come. */
export const HARMLESS: ReadonlySet<Feature> = new Set([
  'connects',
  'knowsItsId',
  'tokenInHeader',
  'tokenInQuery',
  'refusal',
  'inOrder',
] as const);
