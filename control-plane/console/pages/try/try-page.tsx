import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, call, errorText } from '../../api/client.ts';
import { controlPlane } from '../../api/control-plane.ts';
import { fleet } from '../../api/fleet.ts';
import { nodeNames } from '../../api/nodes.ts';
import { listOf, recordOf, recordsOf, shown, textOf, type Values } from '../../api/read.ts';
import { access } from '../../api/session.ts';
import { go, hrefOf, hrefWith, place } from '../../navigation/location.ts';
import { Empty, Notice } from '../../parts/notice.tsx';
import { sample, tryBody, unsavedPlugin, type Sample } from './sample.ts';
import { TrialResult } from './trial-result.tsx';

const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'];

/** Runs a sample request on a node, which sends nothing. */
export function TryPage() {
  const result = useSignal<Values | undefined>(undefined);
  const error = useSignal<unknown>(undefined);
  const isRunning = useSignal(false);
  useFirstPath();
  const run = async (): Promise<void> => {
    isRunning.value = true;
    error.value = undefined;
    try {
      const path = tryPath();
      const reply = await call('POST', path, { body: tryBody(sample.value, unsavedPlugin.value), timeoutMs: 10_000 });
      result.value = recordOf(reply.body);
    } catch (reason) {
      result.value = undefined;
      error.value = reason;
    } finally {
      isRunning.value = false;
    }
  };
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Try a request</h1>
          <p>It runs through match, plugins and encoding on a node. Nothing is sent, and nothing counts.</p>
        </div>
      </div>
      {access.value !== 'full' ? (
        <Empty title="Trying needs the full token">
          <p>A trial is written to the audit log under the name of its token.</p>
        </Empty>
      ) : (
        <div class="columns columns-try">
          <div class="stack">
            <UnsavedNotice />
            <SampleForm isRunning={isRunning.value} onRun={() => void run()} />
          </div>
          <div class="stack" aria-live="polite">
            {error.value !== undefined && <TryFault error={error.value} />}
            {result.value === undefined && error.value === undefined && (
              <p class="quiet">
                The route that matches, the step of each plugin, and the record or the answer stand here.
              </p>
            )}
            {result.value !== undefined && <TrialResult result={result.value} />}
          </div>
        </div>
      )}
    </>
  );
}

/** A link may name the path of a route to begin with. */
function useFirstPath(): void {
  const path = place.value.query.get('path');
  useEffect(() => {
    if (path !== null && path.startsWith('/')) sample.value = { ...sample.value, path };
  }, [path]);
}

function hasFleet(): boolean {
  return controlPlane.value?.endpoints.has('/clustering/data-planes/{id}/try') === true;
}

/** Returns the endpoint: that of the chosen node, of the first one that is well, or of this process. */
function tryPath(): string {
  if (!hasFleet()) return '/try';
  const { nodes } = fleet.value;
  const chosen = place.value.query.get('node');
  const node =
    nodes.find(({ id }) => id === chosen) ??
    nodes.find(({ state }) => state === 'in_sync') ??
    nodes.find(({ connected }) => connected);
  if (node === undefined) throw new Error('No data plane is connected: start one, then try again.');
  return `/clustering/data-planes/${node.id}/try`;
}

function UnsavedNotice() {
  const plugin = unsavedPlugin.value;
  if (plugin === undefined) return null;
  return (
    <Notice tone="info">
      <span>
        With the plugin <strong>{shown(plugin['name'])}</strong> as its form holds it, not as it is saved.
      </span>
      <button type="button" class="button" onClick={() => (unsavedPlugin.value = undefined)}>
        Try what is saved
      </button>
    </Notice>
  );
}

function SampleForm({ isRunning, onRun }: { readonly isRunning: boolean; readonly onRun: () => void }) {
  const { method, path, headers, body, asConsumer } = sample.value;
  const change = (changed: Partial<Sample>): void => {
    sample.value = { ...sample.value, ...changed };
  };
  return (
    <form
      class="sheet form try-form"
      aria-label="Sample request"
      onSubmit={(event) => {
        event.preventDefault();
        onRun();
      }}
    >
      <div class="request-line">
        <label class="stacked">
          <span>Method</span>
          <select value={method} onChange={(event) => change({ method: event.currentTarget.value })}>
            {methods.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label class="stacked grow">
          <span>Path</span>
          <input type="text" required value={path} onInput={(event) => change({ path: event.currentTarget.value })} />
        </label>
      </div>
      <label class="stacked">
        <span>Headers, one a line</span>
        <textarea rows={3} value={headers} onInput={(event) => change({ headers: event.currentTarget.value })} />
      </label>
      <label class="stacked">
        <span>Body</span>
        <textarea rows={9} value={body} onInput={(event) => change({ body: event.currentTarget.value })} />
      </label>
      <div class="request-line">
        {hasFleet() && <NodeChoice />}
        <label class="stacked grow">
          <span>As consumer</span>
          <input
            type="text"
            placeholder="username, instead of a credential"
            value={asConsumer}
            onInput={(event) => change({ asConsumer: event.currentTarget.value })}
          />
        </label>
      </div>
      <div class="actions">
        <button type="submit" class="button button-main" disabled={isRunning}>
          {isRunning ? 'Trying…' : 'Try it'}
        </button>
      </div>
    </form>
  );
}

function NodeChoice() {
  const names = nodeNames(fleet.value.nodes);
  return (
    <label class="stacked grow">
      <span>Node</span>
      <select
        value={place.value.query.get('node') ?? ''}
        onChange={(event) => go(hrefWith({ node: event.currentTarget.value }), { replace: true })}
      >
        <option value="">one that is in sync</option>
        {fleet.value.nodes
          .filter(({ connected }) => connected)
          .map(({ id }) => (
            <option key={id} value={id}>
              {names.get(id)}
            </option>
          ))}
      </select>
    </label>
  );
}

function TryFault({ error }: { readonly error: unknown }) {
  const faults = error instanceof ApiError ? recordsOf(error.body['faults']) : [];
  const fields = error instanceof ApiError ? Object.entries(recordOf(error.body['fields'])) : [];
  return (
    <Notice tone="bad">
      <div>
        <p>{errorText(error)}</p>
        <ul>
          {faults.map((fault) => (
            <li key={shown(fault['field'])}>
              <code>{shown(fault['field'])}</code> {shown(fault['message'])}
            </li>
          ))}
          {fields.map(([name, fault]) => (
            <li key={name}>
              <code>{name}</code> {shown(fault)}
            </li>
          ))}
        </ul>
      </div>
    </Notice>
  );
}

/** Returns the path of a route that a sample may begin with. */
export function samplePathOf(route: Values): string {
  const plain = listOf(route['paths']).flatMap((path) => {
    const text = textOf(path);
    return text === undefined || text.startsWith('~') ? [] : [text];
  });
  return plain[0] ?? '/';
}

/** Returns the address of the page for a route. */
export function tryHref(route: Values): string {
  return hrefOf('/try', { path: samplePathOf(route) });
}
