/** The same gateway with webhooks to a backend that takes each at once: see `bench/support/backends.js`. */
process.env.BENCH_WEBHOOKS = 'single';
await import('./switchboard.js');
