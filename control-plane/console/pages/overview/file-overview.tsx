import { controlPlane } from '../../api/control-plane.ts';
import { get } from '../../api/client.ts';
import { recordOf, textOf } from '../../api/read.ts';
import { useLoad } from '../../api/use-load.ts';
import { Pending } from '../../parts/notice.tsx';
import { Hash } from '../../parts/hash.tsx';

/** The overview of a node without a fleet: what it runs, and where it listens. */
export function DbLessOverview() {
  const { value, error, reload } = useLoad('status', (signal) => get('/status', signal));
  const status = recordOf(value);
  const info = controlPlane.value;
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Overview</h1>
          <p>One node of role {info?.role}. It has no fleet of data planes.</p>
        </div>
      </div>
      <section class="sheet">
        <h2>This node</h2>
        {value === undefined ? (
          <Pending error={error} retry={reload} />
        ) : (
          <dl class="facts">
            <dt>Proxy</dt>
            <dd>{info?.proxyListeners.join(', ') || 'none'}</dd>
            <dt>Admin API</dt>
            <dd>{info?.adminListeners.join(', ')}</dd>
            {'configuration_hash' in status && (
              <>
                <dt>Configuration</dt>
                <dd>
                  <Hash value={textOf(status['configuration_hash'])} />
                </dd>
              </>
            )}
          </dl>
        )}
      </section>
    </>
  );
}
