/** The order of suites: those that take longest begin first, so that none of them is left alone at the end. */
const { default: Sequencer } = require('@jest/test-sequencer');

/** For a machine on which they have not run yet; of others Jest knows how long they took. */
const LONGEST = [
  'stock-socket-io',
  'playground',
  'workers',
  'rights',
  'findings',
  'connect-handler',
  'before-identity',
  'embedding-lifecycle',
  'console',
];
const RANKS = new Map(LONGEST.map((suite, index) => [suite, index]));

const rankOf = ({ path }) => RANKS.get(/([^/]+)\.e2e\.ts$/.exec(path)?.[1]) ?? LONGEST.length;

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    // The sort is stable: within a rank it stays as Jest would have it.
    return [...super.sort(tests)].sort((one, other) => rankOf(one) - rankOf(other));
  }
};
