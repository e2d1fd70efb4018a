import { signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { controlPlane } from '../api/control-plane.ts';
import { fleet } from '../api/fleet.ts';
import { nodeNames } from '../api/nodes.ts';
import { entityName, kinds } from '../api/kinds.ts';
import { readAll } from '../api/pages.ts';
import { textOf } from '../api/read.ts';
import { go, hrefOf } from './location.ts';

interface Goal {
  readonly title: string;
  readonly kind: string;
  readonly href: string;
}

const isOpen = signal(false);
/** Names of a kind are read up to this number; the lists' own search goes on beyond it. */
const namesMax = 5_000;
const shownMax = 30;

export function openPalette(): void {
  isOpen.value = true;
}

/** The command palette (Ctrl-K): leads to every entity, node and page by name. */
export function Palette() {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      isOpen.value = true;
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return isOpen.value ? <PaletteDialog /> : null;
}

function PaletteDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const text = useSignal('');
  const chosen = useSignal(0);
  const entities = useSignal<readonly Goal[]>([]);
  const isReading = useSignal(true);
  useEffect(() => {
    dialog.current?.showModal();
    const ending = new AbortController();
    void readNames(ending.signal, (goals) => (entities.value = [...entities.value, ...goals])).finally(
      () => (isReading.value = false),
    );
    return () => ending.abort();
  }, []);
  const goals = matching([...pageGoals(), ...nodeGoals(), ...entities.value], text.value);
  const open = (goal: Goal | undefined): void => {
    if (goal === undefined) return;
    isOpen.value = false;
    go(goal.href);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') open(goals[chosen.value]);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    chosen.value = Math.min(Math.max(0, chosen.value + step), goals.length - 1);
  };
  return (
    <dialog ref={dialog} class="palette" aria-label="Find anything" onClose={() => (isOpen.value = false)}>
      <input
        type="text"
        role="combobox"
        aria-label="Page, node or entity"
        aria-expanded="true"
        aria-controls="palette-goals"
        aria-activedescendant={goals.length > 0 ? `goal-${chosen.value}` : undefined}
        placeholder="Page, node, route, plugin…"
        autocomplete="off"
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      <GoalList goals={goals} chosen={chosen.value} onOpen={open} />
      <p role="status">
        {isReading.value ? 'Reading names… ' : ''}
        {goals.length === 0 ? 'Nothing has this name.' : 'Arrow keys choose, Enter opens, Escape closes.'}
      </p>
    </dialog>
  );
}

interface GoalListProps {
  readonly goals: readonly Goal[];
  readonly chosen: number;
  readonly onOpen: (goal: Goal) => void;
}

function GoalList({ goals, chosen, onOpen }: GoalListProps) {
  useEffect(() => document.getElementById(`goal-${chosen}`)?.scrollIntoView({ block: 'nearest' }), [chosen]);
  return (
    <ul id="palette-goals" role="listbox" aria-label="Found">
      {goals.map((goal, index) => (
        <li
          key={goal.href}
          id={`goal-${index}`}
          role="option"
          aria-selected={index === chosen}
          onClick={() => onOpen(goal)}
        >
          <span>{goal.title}</span>
          <span class="kind">{goal.kind}</span>
        </li>
      ))}
    </ul>
  );
}

function has(endpoint: string): boolean {
  return controlPlane.value?.endpoints.has(endpoint) === true;
}

function pageGoals(): readonly Goal[] {
  const page = (title: string, path: string): Goal => ({ title, kind: 'page', href: hrefOf(path) });
  return [
    page('Overview', '/'),
    ...(has('/clustering/data-planes') ? [page('Fleet', '/fleet')] : []),
    ...(has('/clustering/destinations') ? [page('Destinations', '/destinations')] : []),
    ...(has('/audit/objects') ? [page('Changes', '/changes')] : []),
    ...(has('/try') || has('/clustering/data-planes/{id}/try') ? [page('Try a request', '/try')] : []),
    ...kinds.filter(({ path }) => has(`/${path}`)).map(({ title, path }) => page(title, `/${path}`)),
    page('Admin API', '/api'),
    page('Settings', '/settings'),
  ];
}

function nodeGoals(): readonly Goal[] {
  return [...nodeNames(fleet.value.nodes)].map(([id, title]) => ({
    title,
    kind: 'node',
    href: hrefOf(`/fleet/${id}`),
  }));
}

async function readNames(signal: AbortSignal, onGoals: (goals: readonly Goal[]) => void): Promise<void> {
  for (const { path, one } of kinds.filter((kind) => has(`/${kind.path}`))) {
    try {
      const items = await readAll(`/${path}`, { signal, onProgress: (read) => read.length < namesMax });
      onGoals(
        items.map((item) => ({
          title: entityName(item),
          kind: one,
          href: hrefOf(`/${path}/${textOf(item['id']) ?? ''}`),
        })),
      );
    } catch {
      // Other kinds may still be read; a page that cannot be read says so itself.
      if (signal.aborted) return;
    }
  }
}

/** Returns the goals that have each word in their title or kind; those that begin with the text stand first. */
function matching(goals: readonly Goal[], text: string): readonly Goal[] {
  const wanted = text.trim().toLowerCase();
  const words = wanted.split(/\s+/);
  const found = goals.filter(({ title, kind }) =>
    words.every((word) => `${kind} ${title}`.toLowerCase().includes(word)),
  );
  const begins = ({ title }: Goal): number => (title.toLowerCase().startsWith(wanted) ? 0 : 1);
  return found.sort((a, b) => begins(a) - begins(b)).slice(0, shownMax);
}
