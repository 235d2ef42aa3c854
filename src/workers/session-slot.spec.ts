import { MAX_SLOTS, markSession, workerSlotOf } from './session-slot.js';

const ID = 'lv_VI97HAXpY6yYWAAAC';

describe('the slot in a session ID', () => {
  it('[R4] leads each session back to its worker, whatever else the request line says', () => {
    for (let slot = 0; slot < MAX_SLOTS; slot++) {
      const sid = markSession(ID, slot);
      expect(workerSlotOf(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r`)).toBe(slot);
      expect(workerSlotOf(`POST /any/path?sid=${sid}&t=1 HTTP/1.1\r`)).toBe(slot);
    }
  });

  it.each([
    ['no session', 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1'],
    ['an ID without a slot', `GET /socket.io/?sid=${ID} HTTP/1.1`],
    ['a longer one', `GET /socket.io/?sid=${ID}AB HTTP/1.1`],
    ['a session of another name', `GET /socket.io/?xsid=${ID}A HTTP/1.1`],
    ['nothing after it', `GET /socket.io/?EIO=4 HTTP/1.1 &sid=${ID}A`],
    ['nothing at all', ''],
  ])('[R4] names no slot where there is %s', (_, line) => {
    expect(workerSlotOf(line)).toBeUndefined();
  });
});
