/** Injection token of the frozen configuration. [C1] */
export const SWITCHBOARD_CONFIG = Symbol('SWITCHBOARD_CONFIG');
