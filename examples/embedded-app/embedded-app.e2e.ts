import { NestFactory } from '@nestjs/core';
import { setupSwitchboard } from 'switchboard-gateway';
import { startApp, type TestGateway } from 'switchboard-gateway/testing';
import { AppModule } from './src/app.module.js';

describe('the shop', () => {
  let shop: TestGateway;

  beforeEach(async () => {
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    setupSwitchboard(app);
    shop = await startApp(app);
  });
  afterEach(() => shop.close());

  const placeOrder = async (customer: string): Promise<string> => {
    const { body } = await shop.http<{ id: string }>('POST', '/orders', { customer });
    return body.id;
  };
  const staff = (user: string) => shop.connect({ auth: { user, info: { role: 'staff' } } });

  it('[D1] tells every device of a customer that the order is shipped', async () => {
    const phone = await shop.connect({ auth: { user: 'ann' } });
    const laptop = await shop.connect({ auth: { user: 'ann' }, version: 2, transport: 'polling' });
    const other = await shop.connect({ auth: { user: 'ben' } });
    const id = await placeOrder('ann');

    const { status, body } = await shop.http('POST', `/orders/${id}/shipment`, { carrier: 'DHL' });

    expect(status).toBe(200);
    expect(body).toMatchObject({ id, customer: 'ann', customerOnline: true, devicesTold: 2 });
    expect(await phone.next('order:shipped')).toEqual([{ id, carrier: 'DHL' }]);
    expect(await laptop.next('order:shipped')).toEqual([{ id, carrier: 'DHL' }]);
    await other.settled();
    expect(other.queue.pending('order:shipped')).toBe(0);
  });

  it('[R1] says that a customer without a socket is offline', async () => {
    const id = await placeOrder('cleo');
    const { body } = await shop.http('POST', `/orders/${id}/shipment`, { carrier: 'DHL' });
    expect(body).toMatchObject({ customerOnline: false, devicesTold: 0 });
  });

  it('keeps the error format of Nest for its own routes', async () => {
    const unknown = await shop.http('POST', '/orders/99/shipment', { carrier: 'DHL' });
    expect(unknown.status).toBe(404);
    expect(unknown.body).toEqual({ statusCode: 404, error: 'Not Found', message: 'there is no order 99' });
    const invalid = await shop.http('POST', '/orders', { customer: '' });
    expect(invalid.status).toBe(400);
    expect(invalid.headers.get('content-type')).toContain('application/json');
  });

  it('[M1] carries a question to the staff on duty and the answer back', async () => {
    const ann = await shop.connect({ auth: { user: 'ann' } });
    const sue = await staff('sue');
    expect(await ann.request('support:ask', { text: 'hello?' })).toMatchObject({
      ok: false,
      error: { code: 'request.refused', message: 'nobody is on duty' },
    });

    expect(await sue.request('support:on-duty')).toEqual({ ok: true });
    expect(await ann.request('support:ask', { text: ' hello? ' })).toEqual({ ok: true, staff: 1 });
    expect(await sue.next('support:line')).toEqual([{ from: 'ann', text: 'hello?' }]);

    expect(await sue.request('support:answer', { customer: 'ann', text: 'hi' })).toEqual({
      ok: true,
      devices: 1,
    });
    expect(await ann.next('support:line')).toEqual([{ from: 'sue', text: 'hi' }]);
  });

  it('[M1] refuses who is not staff, and what is no question', async () => {
    const ann = await shop.connect({ auth: { user: 'ann', info: { role: 'customer' } } });
    expect(await ann.request('support:on-duty')).toMatchObject({ error: { code: 'access.denied' } });
    expect(await ann.request('support:ask', { text: '' })).toMatchObject({
      ok: false,
      error: { code: 'payload.invalid', message: expect.stringContaining('text') },
    });
    ann.emit('support:on-duty');
    expect(await ann.next('exception')).toEqual([expect.objectContaining({ code: 'access.denied' })]);
  });
});
