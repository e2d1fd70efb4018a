import { listOf, numberOf, recordOf, recordsOf, shown, textOf, type Values } from '../../api/read.ts';
import { isRecord } from '../../../../shared/schema/is-record.ts';
import { hrefOf } from '../../navigation/location.ts';

/** What a trial says: the route and why, each plugin's step, and the records or the answer. */
export function TrialResult({ result }: { readonly result: Values }) {
  const records = recordsOf(result['records']);
  const { answer, forward } = result;
  return (
    <>
      <RoutePart result={result} />
      <Steps steps={recordsOf(result['steps'])} />
      {records.map((record, index) => (
        <RecordPart key={index} record={record} />
      ))}
      {isRecord(forward) && (
        <section class="sheet" aria-label="Service">
          <h2>It would go to the service</h2>
          <p>{textOf(recordOf(forward['service'])['name']) ?? shown(recordOf(forward['service'])['id'])}</p>
        </section>
      )}
      {isRecord(answer) && <AnswerPart answer={answer} hasRecords={records.length > 0} />}
      {listOf(result['notes']).map((note) => (
        <p key={shown(note)} class="quiet">
          {shown(note)}
        </p>
      ))}
    </>
  );
}

function RoutePart({ result }: { readonly result: Values }) {
  const { route, why } = result;
  return (
    <section class="sheet" aria-label="Route">
      <h2>
        {isRecord(route) ? (
          <>
            Route <a href={hrefOf(`/routes/${shown(route['id'])}`)}>{textOf(route['name']) ?? shown(route['id'])}</a>
          </>
        ) : (
          'No route takes it'
        )}
      </h2>
      <ul class="plain">
        {listOf(why).map((reason) => (
          <li key={shown(reason)}>{shown(reason)}</li>
        ))}
      </ul>
    </section>
  );
}

const stepChips: Readonly<Record<string, string>> = {
  'went on': 'create',
  answered: 'update',
  refused: 'delete',
};

function Steps({ steps }: { readonly steps: readonly Values[] }) {
  if (steps.length === 0) return null;
  return (
    <section class="sheet" aria-label="Plugins">
      <h2>Plugins</h2>
      <ol class="chain">
        {steps.map((step, index) => (
          <li key={index} class="row">
            <span class={`chip chip-${stepChips[shown(step['did'])] ?? 'none'}`}>{shown(step['did'])}</span>
            <span class="row-main">
              {step['plugin_id'] === null ? (
                <strong>{shown(step['plugin'])} (not saved)</strong>
              ) : (
                <a href={hrefOf(`/plugins/${shown(step['plugin_id'])}`)}>{shown(step['plugin'])}</a>
              )}
              {step['note'] !== undefined && <span class="row-detail">{shown(step['note'])}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function RecordPart({ record }: { readonly record: Values }) {
  const partition = numberOf(record['partition']);
  return (
    <section class="sheet" aria-label="Record">
      <h2>The record</h2>
      <dl class="facts">
        <dt>Topic</dt>
        <dd>
          {shown(record['topic'])} at {shown(record['cluster'])}
        </dd>
        <dt>Partition</dt>
        <dd>{partition === undefined ? 'any: it has no key, or the topic is not known' : partition}</dd>
        <dt>Key</dt>
        <dd>
          <BytesPart bytes={record['key']} />
        </dd>
        {recordsOf(record['headers']).map((header, index) => (
          <Header key={index} header={header} />
        ))}
        <dt>Value</dt>
        <dd>
          <BytesPart bytes={record['value']} />
        </dd>
      </dl>
    </section>
  );
}

function Header({ header }: { readonly header: Values }) {
  return (
    <>
      <dt>Header</dt>
      <dd>
        <code>
          {shown(header['name'])}: {shown(header['value'])}
        </code>
      </dd>
    </>
  );
}

function BytesPart({ bytes }: { readonly bytes: unknown }) {
  if (!isRecord(bytes)) return <span class="quiet">none</span>;
  const schemaId = numberOf(bytes['schema_id']);
  const json = 'json' in bytes ? JSON.stringify(bytes['json'], undefined, 2) : undefined;
  return (
    <>
      {json === undefined ? (
        <code class="bytes">{textOf(bytes['text']) ?? shown(bytes['base64'])}</code>
      ) : (
        <pre tabIndex={0} class="bytes">
          {json}
        </pre>
      )}
      <span class="row-detail">
        {shown(bytes['bytes'])} bytes
        {bytes['base64'] !== undefined && ', shown as base64'}
        {schemaId !== undefined && `, schema id ${schemaId}`}
        {bytes['cut'] === true && ', cut'}
      </span>
    </>
  );
}

function AnswerPart({ answer, hasRecords }: { readonly answer: Values; readonly hasRecords: boolean }) {
  const status = numberOf(answer['status']) ?? 0;
  const text = shown(answer['body']);
  return (
    <section class="sheet" aria-label="Answer">
      <h2>
        The client would get {status}
        {answer['code'] !== undefined && ` ${shown(answer['code'])}`}
      </h2>
      {hasRecords && <p class="quiet">Once the brokers have answered, with partition and offset.</p>}
      <pre tabIndex={0} class="bytes">
        {pretty(text)}
      </pre>
    </section>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
