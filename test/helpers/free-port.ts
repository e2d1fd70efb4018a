import { freePorts } from '../../control-plane/cli/services/free-ports.ts';

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}
