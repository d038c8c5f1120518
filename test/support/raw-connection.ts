import { connect } from 'node:net';

/** Sends bytes as they are to a loopback port and returns whatever comes back until the other side closes: for requests that no client library would send. */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    // Whoever refuses a request in the middle may reset the connection after its answer.
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}
