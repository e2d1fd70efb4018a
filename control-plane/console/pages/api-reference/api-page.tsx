import { get } from '../../api/client.ts';
import { recordOf, textOf } from '../../api/read.ts';
import { useLoad } from '../../api/use-load.ts';
import { go, hrefWith, place } from '../../navigation/location.ts';
import { Pending } from '../../parts/notice.tsx';

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** The endpoints of the Admin API, from its OpenAPI document. */
export function ApiPage() {
  const { value, error, reload } = useLoad('openapi', (signal) => get('/openapi.json', signal));
  const text = place.value.query.get('q') ?? '';
  const paths = Object.entries(recordOf(recordOf(value)['paths'])).filter(([path]) => path.includes(text.trim()));
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Admin API</h1>
          <p>
            All that the console shows and does goes through these endpoints. The whole document:{' '}
            <a href="/openapi.json" target="_blank">
              openapi.json
            </a>
          </p>
        </div>
      </div>
      <div class="filters">
        <input
          type="search"
          aria-label="Filter by path"
          placeholder="Path"
          value={text}
          onInput={(event) => go(hrefWith({ q: event.currentTarget.value }), { replace: true })}
        />
      </div>
      {value === undefined ? (
        <Pending error={error} retry={reload} />
      ) : (
        <section class="sheet" aria-label="Endpoints">
          <ul class="rows">
            {paths.map(([path, operations]) => (
              <li key={path} class="row">
                <span class="row-main">
                  <code>{path}</code>
                  <span class="row-detail">{summaryOf(recordOf(operations))}</span>
                </span>
                <span class="row-end">{methodsOf(recordOf(operations)).join(' ')}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function methodsOf(operations: Readonly<Record<string, unknown>>): readonly string[] {
  return methods.filter((method) => method in operations).map((method) => method.toUpperCase());
}

function summaryOf(operations: Readonly<Record<string, unknown>>): string {
  const texts = methods.flatMap((method) => textOf(recordOf(operations[method])['summary']) ?? []);
  return [...new Set(texts)].join(' · ');
}
