import { connect, type Socket } from 'node:net';

export interface LeanAnswer {
  /** 0: the connection broke before an answer came, or none came in time. */
  readonly status: number;
  /** The body; with status 0 the error's code or message. */
  readonly body: string;
}

/**
 * POSTs over kept HTTP/1.1 connections, one request at a time on each, for loads on a machine that has other things to
 * do: node:http's client takes several times the processor time. Knows answers with Content-Length only.
 */
export class LeanClient {
  readonly #host: string;
  readonly #port: number;
  readonly #head: string;
  readonly #answerTimeoutMs: number;
  readonly #free: Connection[] = [];
  readonly #open = new Set<Connection>();

  constructor(url: URL, answerTimeoutMs: number) {
    this.#host = url.hostname;
    this.#port = Number(url.port);
    this.#head = `Host: ${url.host}\r\nContent-Type: application/json\r\nContent-Length: `;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  /** Never rejects. `onSent`: the connection is up and has the request; how long a busy machine took to connect is no answer's. */
  async post(target: string, body: string, onSent: () => void): Promise<LeanAnswer> {
    const connection = this.#free.pop() ?? this.#connect();
    const answer = await connection.ask(
      `POST ${target} HTTP/1.1\r\n${this.#head}${Buffer.byteLength(body)}\r\n\r\n${body}`,
      onSent,
    );
    if (connection.isUsable) this.#free.push(connection);
    return answer;
  }

  close(): void {
    for (const connection of this.#open) connection.close();
  }

  #connect(): Connection {
    const connection = new Connection(
      connect({ host: this.#host, port: this.#port, noDelay: true }),
      this.#answerTimeoutMs,
      () => {
        this.#open.delete(connection);
        const index = this.#free.indexOf(connection);
        if (index !== -1) this.#free.splice(index, 1);
      },
    );
    this.#open.add(connection);
    return connection;
  }
}

class Connection {
  readonly #socket: Socket;
  #answered: ((answer: LeanAnswer) => void) | null = null;
  /** One character a byte. */
  #received = '';
  #error = 'ECONNRESET';
  isUsable = true;

  constructor(socket: Socket, timeoutMs: number, onClose: () => void) {
    this.#socket = socket;
    socket.setEncoding('latin1').setTimeout(timeoutMs);
    socket.on('data', (text: string) => this.#take(text));
    socket.on('timeout', () => socket.destroy(new Error('no answer in time')));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
    });
    socket.on('end', () => this.close());
    socket.on('close', () => {
      this.isUsable = false;
      onClose();
      this.#settle({ status: 0, body: this.#error });
    });
  }

  ask(request: string, onSent: () => void): Promise<LeanAnswer> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      if (this.#socket.connecting) this.#socket.once('connect', onSent);
      else onSent();
      this.#socket.write(request);
    });
  }

  close(): void {
    this.isUsable = false;
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = this.#received.slice(0, end + 2);
    const length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1]);
    const start = end + 4;
    if (!(this.#received.length >= start + length)) return;
    const body = Buffer.from(this.#received.slice(start, start + length), 'latin1').toString();
    this.#received = '';
    if (/\r\nconnection: *close\r\n/i.test(head)) this.close();
    this.#settle({ status: Number(head.slice(9, 12)), body });
  }

  #settle(answer: LeanAnswer): void {
    const answered = this.#answered;
    this.#answered = null;
    answered?.(answer);
  }
}
