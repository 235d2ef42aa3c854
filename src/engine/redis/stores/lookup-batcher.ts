import type { Question } from '../lua/look-up.js';
import type { RunScript } from '../lua/script.js';
import { LOOK_UP } from '../lua/scripts.js';

/** A question that nobody has sent yet. */
interface Waiting {
  readonly question: Question;
  /** Roughly how many entries the answer has. */
  readonly weight: number;
  readonly resolve: (text: string) => void;
  readonly reject: (failure: unknown) => void;
}

/** What is asked at once; more would keep everyone else waiting at Redis. */
const MOST_QUESTIONS = 200;
const MOST_ENTRIES = 2_000;

/**
 * Asks Redis what the callers want to know of sockets, in as few requests as can be: most of what a lone one costs is
 * waking up, reading and writing, on both sides.
 *
 * What is asked in one turn of the event loop goes together, and so does what is asked while another is under way, which
 * has at most that one to wait for. Who asks the same then, as many do of a room that everybody looks at, gets the same
 * answer. Every question is put to Redis after it was asked: no answer is older than its question.
 */
export class LookupBatcher {
  private waiting: Waiting[] = [];
  private isUnderWay = false;

  constructor(private readonly run: RunScript) {}

  /**
   * @param weight roughly how many entries the answer has
   * @throws SwitchboardError `engine.unavailable` when Redis gave no answer
   */
  async ask(question: Question, weight = 1): Promise<unknown> {
    const text = await new Promise<string>((resolve, reject) => {
      this.waiting.push({ question, weight, resolve, reject });
      this.sendLater();
    });
    return JSON.parse(text);
  }

  private sendLater(): void {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    setImmediate(() => this.send());
  }

  private send(): void {
    const batch = this.nextBatch();
    const { questions, places } = eachOnce(batch);
    this.run(LOOK_UP, ...questions.flat())
      .then(
        (reply) => batch.forEach(({ resolve }, index) => resolve((reply as string[])[places[index]!]!)),
        (failure: unknown) => batch.forEach(({ reject }) => reject(failure)),
      )
      .finally(() => {
        this.isUnderWay = false;
        if (this.waiting.length > 0) this.sendLater();
      });
  }

  private nextBatch(): Waiting[] {
    let entries = 0;
    let count = 0;
    for (const { weight } of this.waiting) {
      entries += weight;
      if (count > 0 && (count === MOST_QUESTIONS || entries > MOST_ENTRIES)) break;
      count++;
    }
    return this.waiting.splice(0, count);
  }
}

/** The questions without those that were asked before, and for each that waits which of them is its own. */
function eachOnce(batch: readonly Waiting[]): { questions: readonly Question[]; places: readonly number[] } {
  const questions: Question[] = [];
  const placeOf = new Map<string, number>();
  const places = batch.map(({ question }) => {
    // Only one part of a question is a name, so that no two have the same text.
    const text = question.join(' ');
    const known = placeOf.get(text);
    if (known !== undefined) return known;
    placeOf.set(text, questions.length);
    return questions.push(question) - 1;
  });
  return { questions, places };
}
