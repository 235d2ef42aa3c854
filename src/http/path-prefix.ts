/** The path under which a proxy in front has the service. [L8] [C5] */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/**
 * Takes the prefix off every request, upgrades included, before anything else looks at it: all pages ask for what they
 * need by relative paths, so that nothing else has to know of it. What comes without it is served as well, for probes
 * that come past the proxy.
 */
export function takeOffPrefix(server: Server, prefix: string): void {
  const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean;
  server.emit = (event: string, ...args: unknown[]): boolean => {
    if (event !== 'request' && event !== 'upgrade' && event !== 'checkContinue') return emit(event, ...args);
    const [request, response] = args as [IncomingMessage, ServerResponse];
    const rest = restOf(request.url ?? '', prefix);
    if (rest === undefined) return emit(event, ...args);
    if (event === 'request' && !rest.startsWith('/')) {
      // Relative paths of a page lead nowhere from here.
      response.writeHead(308, { Location: `${prefix}/${rest}` }).end();
      return true;
    }
    request.url = rest.startsWith('/') ? rest : `/${rest}`;
    return emit(event, ...args);
  };
}

/** What comes behind the prefix, or `undefined` where a path does not begin with it. */
function restOf(url: string, prefix: string): string | undefined {
  if (!url.startsWith(prefix)) return undefined;
  const rest = url.slice(prefix.length);
  return rest === '' || rest.startsWith('/') || rest.startsWith('?') ? rest : undefined;
}
