import type { Logger } from '../shared/log.ts';
import type { OptionalListenAddress } from '../shared/settings/setting-values.ts';

/**
 * Binds the port for requests over TLS. Its default is a port that nobody chose: where that is in use, the node goes on
 * without it, and undefined is returned.
 */
export async function bindTls<T>(
  listen: Exclude<OptionalListenAddress, 'off'>,
  logger: Logger,
  bind: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await bind();
  } catch (error) {
    const isInUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (listen.isDefault !== true || !isInUse) throw error;
    const { port } = listen;
    const message = `The port ${port}, the default of proxy_listen_tls, is in use: the node takes no requests over TLS. Set proxy_listen_tls.`;
    logger.warn('tls_port_in_use', message, { port });
    return undefined;
  }
}
