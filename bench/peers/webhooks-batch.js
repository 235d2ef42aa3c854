/** The same with batches: see `bench/support/backends.js`. */
process.env.BENCH_WEBHOOKS = 'batch';
await import('./switchboard.js');
