import { entityName, kinds, type Kind } from '../../api/kinds.ts';
import { readPage } from '../../api/pages.ts';
import { recordOf, textOf, type Values } from '../../api/read.ts';
import { useLoad } from '../../api/use-load.ts';

/** Names are read from one page of this size; what is not on it is shown by its id. */
const namesMax = 1_000;

/** Returns the names of the entities that the items refer to, by id. */
export function useReferenceNames(kind: Kind, items: readonly Values[]): ReadonlyMap<string, string> {
  const referred = kinds.filter(({ plural }) =>
    kind.columns.some(
      (column) => plural === `${column}s` && items.some((item) => textOf(recordOf(item[column])['id']) !== undefined),
    ),
  );
  const { value } = useLoad(`names ${referred.map(({ path }) => path).join(' ')}`, async (signal) => {
    const pages = await Promise.all(
      referred.map(({ path }) => readPage(`/${path}`, { size: String(namesMax) }, signal)),
    );
    return new Map(
      pages.flatMap(({ data }) => data.map((item) => [textOf(item['id']) ?? '', entityName(item)] as const)),
    );
  });
  return value ?? new Map();
}
