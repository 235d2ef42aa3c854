/**
 * What an app that embeds the gateway says of the login of its clients.
 *
 * Options of `forRoot` that are no keys of the configuration: they are the app's code, or hold for one app only.
 */
export interface LoginOptions {
  /**
   * In open mode `auth.user` and `auth.info` say who a client is, without proof: for development and trusted networks.
   *
   * Default `false`: clients are anonymous, so that nobody becomes `admin` by saying so in an app that has a login of its
   * own. The service, which has none, has `true`. No effect in secured mode, where the token says it.
   */
  readonly clientsNameThemselves?: boolean;
}

/** The token under which {@link LoginOptions} are injected. */
export const LOGIN_OPTIONS = Symbol('SWITCHBOARD_LOGIN_OPTIONS');

/** Takes what is about the login off the options of the module; the rest are keys of the configuration. */
export function splitLogin<Options extends LoginOptions>(
  options: Options,
): { login: LoginOptions; config: Omit<Options, keyof LoginOptions> } {
  const { clientsNameThemselves, ...config } = options;
  return { login: { clientsNameThemselves }, config };
}
