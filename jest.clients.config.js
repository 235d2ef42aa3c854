import { everything } from './test/projects.js';

/** Clients of other languages, which need the toolchains of their languages: `npm run test:clients`. */
export default {
  ...everything,
  roots: ['<rootDir>/test/clients'],
  testPathIgnorePatterns: ['/node_modules/', '/test/clients/.cache/'],
  // What is built and measured before the first test, with nothing in any cache, on a busy machine.
  testTimeout: 600_000,
  maxWorkers: 1,
};
