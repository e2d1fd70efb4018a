import { readPage } from '../../api/pages.ts';
import { nodeStates, type Node } from '../../api/nodes.ts';
import { numberOf, shown, textOf, type Values } from '../../api/read.ts';
import { useTraffic } from '../../api/traffic.ts';
import { useLoad } from '../../api/use-load.ts';
import { Hash } from '../../parts/hash.tsx';
import { Pending } from '../../parts/notice.tsx';
import { StateChip } from '../../parts/state-chip.tsx';
import { Ago } from '../../parts/time.tsx';
import { summaryOf, TrafficColumns } from '../../parts/traffic.tsx';

/** Changes that are shown at once. */
const shownChanges = 8;

/** The traffic of one node over all routes. */
export function NodeTraffic({ node }: { readonly node: Node }) {
  const { traffic, error } = useTraffic(`node=${node.id}`);
  return (
    <section class="sheet" aria-labelledby="traffic-title">
      <h2 id="traffic-title">Traffic of the last 15 minutes</h2>
      {traffic === undefined && <Pending error={error} />}
      {traffic !== undefined && traffic.total.answers === 0 && <p class="quiet">No request has come in this time.</p>}
      {traffic !== undefined && traffic.total.answers > 0 && (
        <>
          <p class="quiet">{summaryOf(traffic.total)}.</p>
          <TrafficColumns traffic={traffic} of="produce" />
        </>
      )}
    </section>
  );
}

/** The last changes of the node's state. */
export function NodeHistory({ node }: { readonly node: Node }) {
  const { value, error } = useLoad(`history ${node.id} ${node.state} ${node.appliedHash ?? ''}`, (signal) =>
    readPage(`/clustering/data-planes/${node.id}/history`, {}, signal),
  );
  return (
    <section class="sheet" aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      {value === undefined && <Pending error={error} />}
      {value?.data.length === 0 && <p class="quiet">No change of its state since the control plane started.</p>}
      <Changes changes={value?.data.slice(0, shownChanges) ?? []} />
      {value !== undefined && value.data.length > shownChanges && (
        <details>
          <summary>{value.data.length - shownChanges} older changes</summary>
          <Changes changes={value.data.slice(shownChanges)} />
        </details>
      )}
    </section>
  );
}

function Changes({ changes }: { readonly changes: readonly Values[] }) {
  return (
    <ul class="rows">
      {changes.map((change, index) => {
        const state = nodeStates.find((one) => one === change['state']);
        return (
          <li key={index} class="row">
            {state === undefined ? shown(change['state']) : <StateChip state={state} />}
            <span class="row-main">
              {textOf(change['reason']) ?? (
                <>
                  runs <Hash value={textOf(change['applied_hash'])} />
                </>
              )}
            </span>
            <span class="row-end">
              <Ago at={numberOf(change['at'])} />
            </span>
          </li>
        );
      })}
    </ul>
  );
}
