import { useSignal } from '@preact/signals';
import { ApiError, call, errorText } from '../../api/client.ts';
import { isWritable } from '../../api/control-plane.ts';
import { recordsOf, shown, type Values } from '../../api/read.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Notice } from '../../parts/notice.tsx';
import { Rollout, type SaveResult } from '../entities/rollout.tsx';

const waitSeconds = 15;
const timeoutMs = 25_000;

/** A secret that the log does not keep and the operator must give. */
interface Missing {
  readonly entityId: string;
  readonly entityName: string;
  readonly field: string;
}

/** Leads back to before a change: asks once, and for the secrets that the log does not keep. */
export function Revert({ entry }: { readonly entry: Values }) {
  const isAsked = useSignal(false);
  const isRunning = useSignal(false);
  const error = useSignal('');
  const missing = useSignal<readonly Missing[]>([]);
  const secrets = useSignal<Readonly<Record<string, string>>>({});
  const done = useSignal<SaveResult | undefined>(undefined);
  if (!isWritable() || entry['operation'] === 'try') return null;
  const run = async (): Promise<void> => {
    isAsked.value = false;
    isRunning.value = true;
    error.value = '';
    try {
      const path = `/audit/objects/${shown(entry['id'])}/revert?wait=applied&timeout=${waitSeconds}s`;
      const reply = await call('POST', path, { body: { secrets: byEntity(missing.value, secrets.value) }, timeoutMs });
      missing.value = [];
      done.value = { sync: reply.headers.get('sluice-sync') ?? undefined, warnings: [] };
    } catch (reason) {
      missing.value = missingOf(reason);
      error.value = missing.value.length > 0 ? '' : errorText(reason);
    } finally {
      isRunning.value = false;
    }
  };
  return (
    <div class="stack">
      {done.value !== undefined && <Rollout result={done.value} />}
      {error.value !== '' && <Notice tone="bad">Nothing was changed. {error.value}</Notice>}
      {missing.value.length > 0 && (
        <MissingSecrets missing={missing.value} secrets={secrets.value} onChange={(all) => (secrets.value = all)} />
      )}
      {done.value === undefined && (
        <div class="actions">
          <button type="button" class="button" disabled={isRunning.value} onClick={() => (isAsked.value = true)}>
            {isRunning.value ? 'Reverting…' : 'Revert to before this change'}
          </button>
        </div>
      )}
      {isAsked.value && (
        <Confirm
          title="Revert to before this change?"
          action="Revert"
          onConfirm={() => void run()}
          onCancel={() => (isAsked.value = false)}
        >
          <p>{consequence(shown(entry['operation']))}</p>
        </Confirm>
      )}
    </div>
  );
}

function consequence(operation: string): string {
  if (operation === 'create')
    return 'It is removed, and so is what was added to it since. What was made with it goes too.';
  if (operation === 'delete') return 'It comes back with all that went along with it.';
  return 'It becomes what it was before this change: later changes of it are lost, too. What changed with it goes back as well.';
}

interface MissingProps {
  readonly missing: readonly Missing[];
  readonly secrets: Readonly<Record<string, string>>;
  readonly onChange: (secrets: Readonly<Record<string, string>>) => void;
}

function MissingSecrets({ missing, secrets, onChange }: MissingProps) {
  return (
    <section class="sheet" aria-labelledby="missing-title">
      <h2 id="missing-title">The log keeps no secrets: give those of before</h2>
      {missing.map((one) => (
        <label key={keyOf(one)} class="stacked">
          <span>
            {one.field} of {one.entityName === '' ? one.entityId : one.entityName}
          </span>
          <input
            type="password"
            autocomplete="off"
            value={secrets[keyOf(one)] ?? ''}
            onInput={(event) => onChange({ ...secrets, [keyOf(one)]: event.currentTarget.value })}
          />
        </label>
      ))}
    </section>
  );
}

function missingOf(reason: unknown): readonly Missing[] {
  if (!(reason instanceof ApiError) || reason.status !== 409) return [];
  return recordsOf(reason.body['missing']).map((one) => ({
    entityId: shown(one['entity_id']),
    entityName: shown(one['entity_name']),
    field: shown(one['field']),
  }));
}

function keyOf({ entityId, field }: Missing): string {
  return `${entityId} ${field}`;
}

function byEntity(missing: readonly Missing[], secrets: Readonly<Record<string, string>>): Values {
  const given: Record<string, Record<string, string>> = {};
  for (const one of missing) {
    const secret = secrets[keyOf(one)];
    if (secret !== undefined && secret !== '') (given[one.entityId] ??= {})[one.field] = secret;
  }
  return given;
}
