/** What makes channels of a connection to RabbitMQ: `amqp-connection-manager`, as far as it is used here. */
export interface ChannelMaker {
  createChannel(options: object): { on(event: 'error', heard: () => void): unknown };
}

/**
 * Contains the failures of channels. A broker that goes away while a channel is set up fails that, and an `error` event
 * that nobody listens to would end the process; the channel is set up again with the next connection. [N5]
 */
export function containChannels<Maker extends ChannelMaker>(connection: Maker): Maker {
  const create = connection.createChannel.bind(connection);
  connection.createChannel = (options) => {
    const channel = create(options);
    channel.on('error', () => undefined);
    return channel;
  };
  return connection;
}

/** The same for the connections that a client of Nest will make; one of another transport is left as it is. */
export function containClient(client: object): void {
  const { createClient } = client as { createClient?: () => unknown };
  if (createClient === undefined) return;
  Object.assign(client, {
    createClient: () => {
      const connection = createClient.call(client);
      return isChannelMaker(connection) ? containChannels(connection) : connection;
    },
  });
}

const isChannelMaker = (connection: unknown): connection is ChannelMaker =>
  typeof connection === 'object' && connection !== null && 'createChannel' in connection;
