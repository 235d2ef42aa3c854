import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  Optional,
} from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import type { Subscription } from 'rxjs';
import { isPromiseLike } from '../../protocol/promise-like.js';
import {
  RegistryChanges,
  type RegistryChange,
  type RegistryChangeType,
} from '../../registry/registry-changes.js';
import { logFailure } from '../../telemetry/log.js';
import { Metrics } from '../../telemetry/metrics.js';
import { LISTENS_TO } from './on-switchboard.decorator.js';

type Listener = (change: RegistryChange) => unknown;

/** The methods of an app's providers that listen to changes. [N7] */
@Injectable()
export class ChangeListeners implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Registry');
  private readonly listeners = new Map<RegistryChangeType, Listener[]>();
  private subscription: Subscription | undefined;

  constructor(
    // An app with a copy of Nest of its own has another one: `setupSwitchboard` tells it what to do.
    @Optional() @Inject(ModulesContainer) private readonly modules: ModulesContainer | undefined,
    private readonly changes: RegistryChanges,
    private readonly metrics: Metrics,
  ) {}

  /** Nothing is heard where nobody listens: shared state would have to tell it. */
  onApplicationBootstrap(): void {
    const found = new Set<object>();
    for (const { providers, controllers } of this.modules?.values() ?? []) {
      for (const wrapper of [...providers.values(), ...controllers.values()]) {
        const instance: unknown = wrapper.isDependencyTreeStatic() ? wrapper.instance : undefined;
        if (typeof instance === 'object' && instance !== null && !found.has(instance)) {
          found.add(instance);
          this.take(instance);
        }
      }
    }
    if (this.listeners.size === 0) return;
    this.subscription = this.changes.all.subscribe((change) => this.tell(change));
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
  }

  private take(instance: object): void {
    const prototype = Object.getPrototypeOf(instance) as object | null;
    if (prototype === null || prototype === Object.prototype) return;
    for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
      const method = (prototype as Record<string, unknown>)[name];
      if (typeof method !== 'function') continue;
      const types = (Reflect.getMetadata(LISTENS_TO, method) ?? []) as RegistryChangeType[];
      const listener: Listener = (change) => method.call(instance, change) as unknown;
      for (const type of types) this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
    }
  }

  private tell(change: RegistryChange): void {
    for (const listener of this.listeners.get(change.type) ?? []) {
      try {
        const done = listener(change);
        if (isPromiseLike(done))
          Promise.resolve(done).catch((failure: unknown) => this.failed(change, failure));
      } catch (failure) {
        this.failed(change, failure);
      }
    }
  }

  private failed({ type }: RegistryChange, failure: unknown): void {
    this.metrics.failed('handler');
    logFailure(this.logger, `a listener of "${type}" failed`, failure);
  }
}
