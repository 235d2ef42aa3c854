/** The same with batches: see `support/backends.js`. */
process.env.BENCH_WEBHOOKS = 'batch';
await import('./switchboard.js');
