/** @jest-environment node */
import { jest } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { setupSwitchboard, SwitchboardModule } from 'switchboard-gateway';

/** In a file of its own: what another test would load from here on is a second copy, too. */
describe('an app whose Nest is not the one of the gateway, as an npm link has it', () => {
  it('is told what to do', async () => {
    jest.resetModules();
    const { NestFactory: OtherFactory } = await import('@nestjs/core');
    expect(OtherFactory).not.toBe(NestFactory);
    const app = await OtherFactory.create(SwitchboardModule.forRoot(), {
      logger: false,
      abortOnError: false,
    });
    expect(() => setupSwitchboard(app)).toThrow(/two copies of @nestjs\/core.*npm i --install-links/);
    await app.close();
  });
});
