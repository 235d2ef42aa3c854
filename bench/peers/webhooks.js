/** The same gateway with webhooks to a backend that takes each at once: see `support/backends.js`. */
process.env.BENCH_WEBHOOKS = 'single';
await import('./switchboard.js');
