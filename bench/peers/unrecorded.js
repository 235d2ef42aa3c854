/** The same gateway without its flight record: what that costs is the difference to `switchboard`. */
process.env.SWITCHBOARD_EXPLAIN_BYTES = '0';
await import('./switchboard.js');
