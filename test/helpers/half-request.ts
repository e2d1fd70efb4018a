import { connect } from 'node:net';

/** A request whose head is sent but for its end: its connection is not idle, so that draining leaves it open. */
export async function openHalfRequest(url: string): Promise<{ finish(): Promise<string> }> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise((resolve) => {
    socket.once('connect', resolve);
  });
  socket.write(`POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\n`);
  return {
    finish: () =>
      new Promise((resolve, reject) => {
        let text = '';
        socket.setEncoding('utf8').setTimeout(10_000, () => socket.destroy(new Error('no answer')));
        socket.on('data', (chunk: string) => (text += chunk));
        socket.on('error', reject).on('end', () => resolve(text));
        socket.write('Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');
      }),
  };
}

/** Resolves to whether nobody listens there any more. */
export function isRefused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}
