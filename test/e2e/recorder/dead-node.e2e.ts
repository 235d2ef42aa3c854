import { startGateway } from 'switchboard-gateway/testing';
import type { SocketEntry } from '../../../src/protocol/entries.js';
import { FlightRecorder } from '../../../src/recorder/flight-recorder.js';
import { socketEntry } from '../../support/socket-entry.js';
import { until } from '../../support/until.js';

const entryOf = (index: number): SocketEntry =>
  socketEntry({ socketId: `lost-${index}`, user: `user-${index}`, node: 'n-dead' });

describe('the sockets of a node that died', () => {
  it('[X1] [W8] are recorded a hundred in a turn, so that clients are served in between', async () => {
    const gateway = await startGateway();
    try {
      const recorder = gateway.app.get(FlightRecorder);
      let turns = 0;
      let isOver = false;
      const count = (): void => {
        turns++;
        if (!isOver) setImmediate(count);
      };
      setImmediate(count);
      recorder.lost(Array.from({ length: 450 }, (_, index) => entryOf(index)));
      expect(recorder.ring.has('user-99')).toBe(true);
      expect(recorder.ring.has('user-100')).toBe(false);
      await until('the last one is recorded', () => recorder.ring.has('user-449'));
      isOver = true;
      expect(turns).toBeGreaterThanOrEqual(4);
      const { body } = await gateway.http('GET', '/v1/explain?user=user-449');
      expect(body).toMatchObject({ episodes: [{ socketId: 'lost-449' }] });
    } finally {
      await gateway.close();
    }
  });
});
