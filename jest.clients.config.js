import { everything } from './test/projects.js';

/** Clients of other languages, which need the toolchains of their languages: `npm run test:clients`. */
export default {
  ...everything,
  roots: ['<rootDir>/test/clients'],
  testPathIgnorePatterns: ['/node_modules/', '/test/clients/.cache/'],
  modulePathIgnorePatterns: ['<rootDir>/test/clients/.cache'],
  // What is built and measured before the first test, with nothing in any cache, on a machine that does a dozen other things.
  testTimeout: 1_500_000,
  maxWorkers: 1,
};
