/** The same with an endpoint where nobody listens: events are written and not sent: see `bench/support/backends.js`. */
process.env.BENCH_WEBHOOKS = 'unsent';
await import('./switchboard.js');
