/** The one scenario that every client goes through, by each transport. [L12] */
import type { Transport } from './driver.js';
import type { Feature, Outcomes } from './features.js';
import type { Client } from './languages.js';
import type { Nodes } from './nodes.js';
import { Attempts, type Check, type Tries } from './scenario/attempts.js';
import * as connecting from './scenario/connecting.js';
import * as messages from './scenario/messages.js';
import * as returning from './scenario/returning.js';
import { Visit } from './scenario/visit.js';

/** All that needs no node to end, in this order, once it has connected. */
const TOUR: readonly (readonly [Feature, Check])[] = [
  ['knowsItsId', connecting.knowsItsId],
  ['tokenInAuth', connecting.isItsUser],
  ['tokenInHeader', connecting.isLetInWith((token) => ({ headers: { authorization: `Bearer ${token}` } }))],
  ['tokenInQuery', connecting.isLetInWith((token) => ({ query: { token } }))],
  ['refusal', connecting.isToldItsRefusal],
  ['joins', (visit) => visit.join()],
  ['receives', messages.receives],
  ['binaryAlone', messages.receivesBinaryAlone],
  ['binaryInside', messages.receivesBinaryInside],
  ['binaryOut', messages.sendsBinary],
  ['answers', messages.answers],
  ['answersBinary', messages.answersWithBinary],
  ['binaryAnswer', messages.getsBinaryInAnAnswer],
  ['burst', messages.takesABurst],
  ['inOrder', messages.seesABurstInOrder],
  ['bigIn', messages.receivesMuch],
  ['bigOut', messages.sendsMuch],
  ['kickedWithReturn', returning.comesBackWhenKicked],
  ['resumes', returning.resumes],
];

/** Less than a ping interval: a ping is something that arrives. */
const AT_ONCE_MS = { yes: 20_000, no: 3_000 };

/** One client by one transport, from its connect to its end. */
export class Scenario {
  private readonly visit: Visit;
  private readonly attempts: Attempts;

  constructor(
    readonly client: Client,
    readonly transport: Transport,
    nodes: Nodes,
    expected: Outcomes,
    tries: Tries,
  ) {
    this.visit = new Visit(client, transport, nodes);
    this.attempts = new Attempts(this.visit, expected, tries);
  }

  get outcomes(): Outcomes {
    return this.attempts.outcomes;
  }

  get reasons(): Attempts['reasons'] {
    return this.attempts.reasons;
  }

  async tour(): Promise<void> {
    await this.attempts.measure('connects', (visit) => visit.connect());
    if (this.outcomes.connects === 'no') return;
    for (const [feature, check] of TOUR) await this.attempts.measure(feature, check);
  }

  /** A new session has its first ping, which would let a request out, only after this. */
  async idle(): Promise<void> {
    const { visit, transport, attempts } = this;
    if (transport === 'polling') await visit.connect().catch(() => undefined);
    const isKnownNotTo = attempts.expected.sendsAtOnce === 'no';
    await attempts.measure('sendsAtOnce', messages.sendsAtOnce(AT_ONCE_MS[isKnownNotTo ? 'no' : 'yes']));
  }

  /** Before its node ends: without a position it cannot resume, which is then what is measured. */
  async prepare(): Promise<void> {
    await this.visit.join().catch(() => undefined);
  }

  /** Its node drains, and it comes back to another. */
  drain(hasBegun: Promise<unknown>): Promise<void> {
    return this.attempts.measure('drained', returning.leavesADrainingNode(hasBegun));
  }

  /** Its node is killed, and it comes back to another. */
  loseNode(hasHappened: Promise<unknown>): Promise<void> {
    return this.attempts.measure('killed', returning.survivesItsNode(hasHappened));
  }

  kick(): Promise<void> {
    return this.attempts.measure('kicked', returning.isToldOfItsKick);
  }

  /** Once a client that comes back has had the time to, of one that was told of its kick. */
  stayAway(): Promise<void> {
    return this.attempts.measure('kicked', returning.staysAway);
  }

  end(): Promise<void> {
    return this.visit.end();
  }
}
