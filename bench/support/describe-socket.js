/** What a hand-written server answers about a socket: as much as Switchboard's registry does. */

/** @param {import('socket.io').RemoteSocket<any, any> | import('socket.io').Socket} socket */
export function describeSocket({ id, handshake, rooms, data }) {
  const { headers, address, time } = handshake;
  const user = data.user ?? id;
  return {
    socketId: id,
    user,
    namespace: '/',
    address,
    userAgent: headers['user-agent'],
    connectedAt: time,
    rooms: [...rooms].filter((room) => room !== id && room !== `user:${user}`),
  };
}

/** @param {import('socket.io').Socket} socket */
export const infoOf = (socket) => ({
  socketId: socket.id,
  user: socket.data.user ?? socket.id,
  rooms: [...socket.rooms],
  node: 'n1',
  recovered: socket.recovered,
});
