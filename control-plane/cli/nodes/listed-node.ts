import type { Destination } from '../../../shared/destination.ts';
import type { AdminClient } from '../admin-client.ts';

/** A data plane as `GET /clustering/data-planes` lists it, as far as the command line shows it. */
export interface ListedNode {
  readonly id: string;
  readonly hostname: string;
  readonly version: string;
  readonly state: string;
  readonly connected: boolean;
  /** Seconds since the epoch. */
  readonly last_seen: number;
  readonly applied_hash: string | null;
  readonly expected_hash: string | null;
  // The fields from here on are not told by every version of the control plane.
  readonly labels?: Readonly<Record<string, string>>;
  /** Seconds since the epoch. */
  readonly applied_at?: number | null;
  /** Milliseconds. */
  readonly apply_ms?: number | null;
  /** Milliseconds since the node was to run another configuration than it does; 0: it runs what it should. */
  readonly behind_ms?: number;
  readonly requests_per_second?: number;
  readonly clusters?: readonly { readonly name: string; readonly state: string }[];
  readonly destinations?: readonly Destination[];
  readonly destinations_omitted?: number;
  readonly rejected?: {
    readonly errors: readonly {
      readonly entity_type: string;
      readonly entity_name: string;
      readonly field: string;
      readonly message: string;
    }[];
  } | null;
  readonly compatibility?: readonly {
    readonly field: string | null;
    readonly plugin: string | null;
    readonly action: string;
    readonly reason: string;
  }[];
}

interface Page {
  readonly data: readonly ListedNode[];
  readonly next: string | null;
}

/** Reads all data planes that the control plane knows. */
export async function listNodes(client: Pick<AdminClient, 'request'>): Promise<ListedNode[]> {
  const nodes: ListedNode[] = [];
  let path: string | null = '/clustering/data-planes?size=1000';
  while (path !== null) {
    // The shape is the Admin API's contract; a foreign server shows as a fault of the fields.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const page: Page = (await client.request('GET', path)) as Page;
    nodes.push(...page.data);
    path = page.next;
  }
  return nodes;
}
