import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { prepareReceiver } from './upgraded-socket.js';

describe('a stream that is ended only once', () => {
  const prepared = (): PassThrough => {
    const stream = new PassThrough();
    prepareReceiver({ _receiver: stream });
    return stream;
  };

  it('ends with its last data', async () => {
    const stream = prepared();
    stream.write('a');
    expect(stream.end('b')).toBe(stream);
    expect((await stream.toArray()).join('')).toBe('ab');
  });

  it('takes a second end in silence and makes no error for it', async () => {
    const stream = prepared();
    stream.end();
    const made: Error[] = [];
    const { prepareStackTrace } = Error;
    Error.prepareStackTrace = (error) => void made.push(error);
    expect(stream.end()).toBe(stream);
    Error.prepareStackTrace = prepareStackTrace;
    stream.resume();
    await once(stream, 'end');
    expect(made).toEqual([]);
  });

  it('tells who writes after the end, or waits for it a second time', async () => {
    const stream = prepared();
    stream.end();
    const failed = once(stream, 'error');
    stream.end('too late');
    expect((await failed)[0]).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' });
  });

  it('leaves a connection alone that has no such stream', () => {
    expect(() => prepareReceiver({})).not.toThrow();
    expect(() => prepareReceiver({ _receiver: null })).not.toThrow();
  });
});
