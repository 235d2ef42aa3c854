import { SetMetadata, type CustomDecorator } from '@nestjs/common';
import type { RegistryChangeType } from '../../registry/registry-changes.js';

/** Where the decorator leaves what a method listens to. */
export const LISTENS_TO = Symbol('switchboard.changes');

/**
 * Calls a method of a provider with each change of these types.
 *
 * ```ts
 * @OnSwitchboard('user.offline')
 * markOffline({ user }: RegistryChange) { … }
 * ```
 *
 * What it throws, or rejects with, is logged and counted, and reaches nobody else. Methods are not waited for. Providers
 * of request scope are not called.
 * @see N7
 */
export const OnSwitchboard = (...types: RegistryChangeType[]): CustomDecorator<symbol> =>
  SetMetadata(LISTENS_TO, types);
