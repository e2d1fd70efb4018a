import type { Fleet } from '../../api/fleet.ts';
import { nodeNames, type Destination, type Node } from '../../api/nodes.ts';
import { hrefOf } from '../../navigation/location.ts';
import { durationText } from '../../parts/time.tsx';
import type { Tone } from '../../parts/notice.tsx';

/** One thing that somebody should look at, and where. */
export interface Concern {
  readonly key: string;
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string;
  readonly href: string;
}

/** A destination with the nodes that do not reach it. */
export interface FailingDestination extends Destination {
  readonly nodes: readonly Node[];
}

/** A certificate that ends within this time is a concern. */
const certificateSecondsMin = 30 * 86_400;
/** Nodes of one state that are named one by one; more become one line. */
const namedMax = 5;

/** Returns what needs attention, the most urgent first. */
export function concernsOf(fleet: Fleet, nowSeconds: number): readonly Concern[] {
  return [
    ...withheldConcerns(fleet),
    ...nodeConcerns(fleet, 'rejected', 'bad', rejectionText),
    ...failingDestinations(fleet.nodes).map(destinationConcern),
    ...nodeConcerns(fleet, 'stale', 'warn', ({ behindMs }) => `behind for ${durationText(behindMs / 1_000)}`),
    ...nodeConcerns(fleet, 'incompatible', 'warn', ({ syncStatus, compatibility }) => {
      const [row] = compatibility;
      return row === undefined ? syncStatus.replaceAll('_', ' ') : row.reason;
    }),
    ...nodeConcerns(fleet, 'offline', 'warn', ({ lastSeen }) =>
      lastSeen === undefined ? 'never seen' : `last seen ${durationText(nowSeconds - lastSeen)} ago`,
    ),
    ...certificateConcerns(fleet.nodes, nowSeconds),
    ...wentBackConcern(fleet),
  ];
}

/** Returns the destinations that at least one connected node does not reach. */
export function failingDestinations(nodes: readonly Node[]): readonly FailingDestination[] {
  const found = new Map<string, FailingDestination>();
  for (const node of nodes.filter(({ connected }) => connected)) {
    for (const destination of node.destinations) {
      if (destination.state !== 'unreachable') continue;
      const key = JSON.stringify([destination.kind, destination.name]);
      const before = found.get(key);
      found.set(key, { ...(before ?? destination), nodes: [...(before?.nodes ?? []), node] });
    }
  }
  return [...found.values()];
}

function rejectionText({ rejected }: Node): string {
  const [first] = rejected?.errors ?? [];
  if (first === undefined) return 'no reason was given';
  const more = (rejected?.errors.length ?? 1) - 1;
  const place = [first.entityType, first.entityName, first.field].filter((part) => part !== '').join(' ');
  return `${place === '' ? '' : `${place}: `}${first.message}${more > 0 ? ` (and ${more} more)` : ''}`;
}

function nodeConcerns(
  { nodes }: Fleet,
  state: Node['state'],
  tone: Tone,
  detail: (node: Node) => string,
): readonly Concern[] {
  const found = nodes.filter((node) => node.state === state);
  const words = { rejected: 'rejected the configuration', stale: 'is behind', incompatible: 'is incompatible' };
  const word = state === 'offline' ? 'is offline' : state === 'pending' || state === 'in_sync' ? '' : words[state];
  const names = nodeNames(nodes);
  const crowd: Concern = {
    key: state,
    tone,
    title: `${found.length} nodes: each ${word}`,
    detail: found
      .slice(0, namedMax)
      .map(({ hostname }) => hostname)
      .join(', '),
    href: hrefOf('/fleet', { state }),
  };
  if (found.length > namedMax) return [crowd];
  return found.map((node) => ({
    key: `${state} ${node.id}`,
    tone,
    title: `${names.get(node.id) ?? node.hostname} ${word}`,
    detail: detail(node),
    href: hrefOf(`/fleet/${node.id}`),
  }));
}

function destinationConcern({ kind, name, error, nodes }: FailingDestination): Concern {
  const [first] = nodes;
  const who = nodes.length === 1 && first !== undefined ? first.hostname : `${nodes.length} nodes`;
  return {
    key: `destination ${kind} ${name}`,
    tone: 'bad',
    title: `${who} cannot ${kind === 'topic' ? 'use' : 'reach'} the ${kind} ${name}`,
    detail: error ?? '',
    href:
      nodes.length === 1 && first !== undefined ? hrefOf(`/fleet/${first.id}`) : hrefOf('/destinations', { q: name }),
  };
}

function withheldConcerns({ withheld }: Fleet): readonly Concern[] {
  if (withheld.length === 0) return [];
  const [first] = withheld;
  return [
    {
      key: 'withheld',
      tone: 'bad',
      title: `${withheld.length === 1 ? 'One fault keeps' : `${withheld.length} faults keep`} entities from the nodes`,
      detail: first === undefined ? '' : `${first.entityType} ${first.entityName}: ${first.message}`,
      href: hrefOf('/fleet', { panel: 'withheld' }),
    },
  ];
}

function certificateConcerns(nodes: readonly Node[], nowSeconds: number): readonly Concern[] {
  return nodes.flatMap(({ id, hostname, certificate }) => {
    if (certificate === undefined || certificate.expiresAt - nowSeconds > certificateSecondsMin) return [];
    const left = certificate.expiresAt - nowSeconds;
    return [
      {
        key: `certificate ${id}`,
        tone: 'warn' as const,
        title: `The certificate of ${hostname} ${left > 0 ? 'expires soon' : 'has expired'}`,
        detail: left > 0 ? `in ${durationText(left)}` : `${durationText(-left)} ago`,
        href: hrefOf(`/fleet/${id}`),
      },
    ];
  });
}

function wentBackConcern({ wentBackAt }: Fleet): readonly Concern[] {
  if (wentBackAt === undefined) return [];
  return [
    {
      key: 'went back',
      tone: 'warn',
      title: 'The database went back to an older revision',
      detail: 'A node had seen a newer one. Changes made after the backup are lost.',
      href: hrefOf('/changes'),
    },
  ];
}
