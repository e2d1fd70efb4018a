import { Pool } from 'undici';
import { serveOrders } from './open-loop.ts';
import { orderBody } from './order.ts';

/** `node open-requests.js <url>`: POSTs at a fixed rate over 128 connections at most. */
const url = new URL(process.argv[2] ?? '');
const pool = new Pool(url.origin, { connections: 128, pipelining: 1 });
const headers = { 'content-type': 'application/json' };

async function send(): Promise<boolean> {
  try {
    const { statusCode, body } = await pool.request({ path: url.pathname, method: 'POST', headers, body: orderBody });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

serveOrders((count) => Array.from({ length: count }, send));
