import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiError, call, errorText } from '../../api/client.ts';
import { canTry, isWritable } from '../../api/control-plane.ts';
import { entityName, type Kind } from '../../api/kinds.ts';
import { listOf, recordOf, textOf, type Values } from '../../api/read.ts';
import { EntityFields } from '../../form/entity-fields.tsx';
import { faultsOf, type Faults } from '../../form/faults.ts';
import type { FormField } from '../../form/form-field.ts';
import { go, hasUnsaved, hrefOf } from '../../navigation/location.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Notice } from '../../parts/notice.tsx';
import { now } from '../../parts/time.tsx';
import { sample, unsavedPlugin } from '../try/sample.ts';
import { Rollout, Saving, type SaveResult } from './rollout.tsx';

interface EntityFormProps {
  readonly kind: Kind;
  readonly entity: Values;
  readonly etag: string | undefined;
  readonly fields: readonly FormField[];
  readonly isNew: boolean;
  readonly onReload: () => void;
}

/** The last save with the address of what was saved: a created entity shows it on its own page. */
const lastSave = signal<{ readonly path: string; readonly result: SaveResult; readonly atMs: number } | undefined>(
  undefined,
);
/** How a save went is told for this long. */
const toldMs = 60_000;

/** The nodes' answers are awaited for this long; the call itself may take a little longer. */
const waitSeconds = 15;
const saveTimeoutMs = 25_000;

/** The form of an entity, made from its published schema. */
export function EntityForm({ kind, entity, etag, fields, isNew, onReload }: EntityFormProps) {
  const draft = useSignal<Values>(entity);
  const error = useSignal<unknown>(undefined);
  const isSaving = useSignal(false);
  const isTouched = useSignal(false);
  const path = `/${kind.path}/${textOf(entity['id']) ?? ''}`;
  const save = async (): Promise<void> => {
    isSaving.value = true;
    error.value = undefined;
    try {
      const saved = await write({ kind, draft: draft.value, etag, isNew });
      lastSave.value = { ...saved, atMs: Date.now() };
      isTouched.value = false;
      if (isNew) go(hrefOf(saved.path));
      else onReload();
    } catch (reason) {
      error.value = reason;
      focusFault();
    } finally {
      isSaving.value = false;
    }
  };
  useEffect(() => {
    hasUnsaved.value = isTouched.value;
    return () => {
      hasUnsaved.value = false;
    };
  }, [isTouched.value]);
  const saved = isTouched.value ? undefined : savedOf(path);
  const faults: Faults = faultsOf(error.value);
  return (
    <form
      class="form"
      aria-label={kind.one}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <fieldset class={isWritable() ? 'form bare' : 'form bare read-only'} disabled={!isWritable() || isSaving.value}>
        <legend class="hidden-text">{kind.one}</legend>
        <EntityFields
          fields={fields}
          value={draft.value}
          faults={faults}
          onChange={(changed) => {
            draft.value = changed;
            isTouched.value = true;
          }}
        />
      </fieldset>
      {isWritable() && (
        <div class="save-bar">
          {isSaving.value && <Saving />}
          {!isSaving.value && saved !== undefined && <Rollout result={saved} />}
          {error.value !== undefined && <SaveFault error={error.value} onReload={onReload} />}
          <SaveActions
            kind={kind}
            entity={entity}
            draft={draft.value}
            etag={etag}
            isNew={isNew}
            isSaving={isSaving.value}
          />
        </div>
      )}
    </form>
  );
}

/** Returns how the last save went, if it was of this entity and a moment ago. */
function savedOf(path: string): SaveResult | undefined {
  const last = lastSave.value;
  return last?.path === path && now.value - last.atMs < toldMs ? last.result : undefined;
}

function SaveFault({ error, onReload }: { readonly error: unknown; readonly onReload: () => void }) {
  if (error instanceof ApiError && error.status === 412) {
    return (
      <Notice tone="warn">
        Somebody changed it meanwhile. Nothing was saved.
        <button type="button" class="button" onClick={onReload}>
          Read it again
        </button>
      </Notice>
    );
  }
  return <Notice tone="bad">Nothing was saved. {errorText(error)}</Notice>;
}

interface SaveActionsProps {
  readonly kind: Kind;
  readonly entity: Values;
  /** The entity as the form holds it. */
  readonly draft: Values;
  readonly etag: string | undefined;
  readonly isNew: boolean;
  readonly isSaving: boolean;
}

function SaveActions({ kind, entity, draft, etag, isNew, isSaving }: SaveActionsProps) {
  const isAsked = useSignal(false);
  const error = useSignal('');
  const remove = async (): Promise<void> => {
    isAsked.value = false;
    try {
      const headers = etag === undefined ? {} : { 'If-Match': etag };
      await call('DELETE', `/${kind.path}/${textOf(entity['id']) ?? ''}`, { headers });
      go(hrefOf(`/${kind.path}`));
    } catch (reason) {
      error.value = errorText(reason);
    }
  };
  return (
    <div class="actions">
      <button type="submit" class="button button-main" disabled={isSaving}>
        {isNew ? `Create ${kind.one}` : 'Save'}
      </button>
      {kind.path === 'plugins' && canTry() && <TryUnsaved draft={draft} />}
      {!isNew && (
        <button type="button" class="button button-danger" onClick={() => (isAsked.value = true)}>
          Delete
        </button>
      )}
      {error.value !== '' && <span class="field-fault">{error.value}</span>}
      {isAsked.value && (
        <Confirm
          title={`Delete the ${kind.one} ${entityName(entity)}?`}
          action="Delete"
          onConfirm={() => void remove()}
          onCancel={() => (isAsked.value = false)}
        >
          <p>{kind.goesAlong ?? 'Nothing else is removed with it.'}</p>
        </Confirm>
      )}
    </div>
  );
}

/** Tries the plugin as the form holds it. What is not saved is kept for the page of trials alone. */
function TryUnsaved({ draft }: { readonly draft: Values }) {
  const open = async (): Promise<void> => {
    const route = textOf(recordOf(draft['route'])['id']);
    unsavedPlugin.value = draft;
    if (route !== undefined) {
      const paths = listOf(recordOf((await call('GET', `/routes/${route}`)).body)['paths']);
      const path = paths.map(String).find((one) => one.startsWith('/'));
      if (path !== undefined) sample.value = { ...sample.value, path };
    }
    hasUnsaved.value = false;
    go(hrefOf('/try'));
  };
  return (
    <button type="button" class="button" onClick={() => void open().catch(() => go(hrefOf('/try')))}>
      Try without saving
    </button>
  );
}

interface WriteOptions {
  readonly kind: Kind;
  readonly draft: Values;
  readonly etag: string | undefined;
  readonly isNew: boolean;
}

/** Writes the draft as the whole entity: a field that it lacks gets its default. Waits for the nodes. */
async function write({ kind, draft, etag, isNew }: WriteOptions): Promise<{ path: string; result: SaveResult }> {
  const ownedByStore = new Set(['id', 'created_at', 'updated_at', 'warnings']);
  const body = Object.fromEntries(Object.entries(draft).filter(([name]) => !ownedByStore.has(name)));
  const place = isNew ? `/${kind.path}` : `/${kind.path}/${textOf(draft['id']) ?? ''}`;
  const reply = await call(isNew ? 'POST' : 'PUT', `${place}?wait=applied&timeout=${waitSeconds}s`, {
    body,
    headers: etag === undefined ? {} : { 'If-Match': etag },
    timeoutMs: saveTimeoutMs,
  });
  const written = recordOf(reply.body);
  return {
    path: `/${kind.path}/${textOf(written['id']) ?? ''}`,
    result: {
      sync: reply.headers.get('sluice-sync') ?? undefined,
      warnings: listOf(written['warnings']).map(String),
    },
  };
}

/** Moves to the first field at fault once it is drawn. */
function focusFault(): void {
  requestAnimationFrame(() => {
    const fault = document.querySelector<HTMLElement>('[aria-invalid="true"], .field-fault');
    fault?.scrollIntoView({ block: 'center' });
    fault?.focus({ preventScroll: true });
  });
}
