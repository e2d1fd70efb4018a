import { Worker } from 'node:worker_threads';
import { documentErrors, type DocumentErrors } from './document-errors.ts';

/** Reading and checking a document may take this long. */
const prepareTimeoutMs = 60_000;
/** A thread may use this much memory; a document that needs more is refused. */
const heapMegabytesMax = 2048;

export interface DocumentFaults {
  readonly kind: 'faults';
  readonly errors: DocumentErrors;
}

export interface DocumentThreadOptions {
  /**
   * File of the thread. It posts its result; before it, perhaps, `{ kind: 'committing' }`, after which it waits for an
   * answer, and `{ kind: 'committed' }`.
   */
  readonly file: URL;
  /** Its `workerData`. */
  readonly task: { readonly bytes: Uint8Array<ArrayBuffer> };
  /** Called when the thread is about to do what cannot be undone; no deadline holds from then on. Makes the answer. */
  readonly onCommitting?: () => unknown;
  readonly onCommitted?: () => void;
}

/**
 * Reads a document in a thread of its own, within bounds of time and memory, so that nobody waits for it and no document
 * can end the process. Resolves to what the thread posted last; the bytes are handed over to it.
 */
export function runDocumentThread<Result extends { readonly kind: string }>({
  file,
  task,
  onCommitting,
  onCommitted,
}: DocumentThreadOptions): Promise<Result | DocumentFaults> {
  return new Promise((resolve, reject) => {
    const { buffer, byteLength } = task.bytes;
    const worker = new Worker(file, {
      workerData: task,
      // Small buffers of Node.js are parts of a larger one, which others use.
      transferList: buffer.byteLength === byteLength ? [buffer] : [],
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax },
    });
    let result: Result | DocumentFaults | undefined;
    const timer = setTimeout(() => {
      result = refusal(`it could not be read within ${prepareTimeoutMs / 1000} s`);
      void worker.terminate();
    }, prepareTimeoutMs);
    worker.on('message', (message: Result) => {
      clearTimeout(timer);
      if (message.kind === 'committing') worker.postMessage(onCommitting?.());
      else if (message.kind === 'committed') onCommitted?.();
      else result = message;
    });
    worker.on('error', (error: Error & { readonly code?: string }) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') result ??= refusal('it needs too much memory');
      else reject(error);
    });
    worker.on('exit', () => {
      clearTimeout(timer);
      if (result === undefined) reject(new Error('The thread that read a document ended without a result'));
      else resolve(result);
    });
  });
}

function refusal(reason: string): DocumentFaults {
  const fault = { path: ['error'], message: `failed parsing declarative configuration: ${reason}` };
  return { kind: 'faults', errors: documentErrors([fault], {}) };
}
