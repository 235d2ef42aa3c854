/** Jest runs this before each file of the project for the redis engine. */
import { runOnRedis } from './engine-under-test.js';

runOnRedis();
