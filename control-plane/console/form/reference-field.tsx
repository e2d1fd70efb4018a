import { get } from '../api/client.ts';
import { entityName, kinds } from '../api/kinds.ts';
import { readPage } from '../api/pages.ts';
import { recordOf, textOf } from '../api/read.ts';
import { useLoad } from '../api/use-load.ts';
import { faultText } from './faults.ts';
import type { FieldProps } from './form-parts.ts';

/** With more entities a list is no help: the name or the id is typed. */
const listedMax = 300;

/** A reference to another entity, chosen by its name. */
export function ReferenceField({ field, path, value, faults, onChange }: FieldProps) {
  const collection = kinds.find(({ plural }) => plural === field.reference)?.path;
  const { value: page } = useLoad(`reference ${collection ?? ''}`, async (signal) =>
    collection === undefined ? undefined : readPage(`/${collection}`, { size: String(listedMax) }, signal),
  );
  const id = textOf(recordOf(value)['id']) ?? '';
  const choose = (chosen: string): void => onChange(chosen === '' ? undefined : { id: chosen });
  const fault = faultText(faults);
  const attributes = {
    id: path,
    'aria-invalid': fault !== undefined,
    ...(fault === undefined ? {} : { 'aria-describedby': `${path}-fault` }),
  };
  if (page === undefined || page.offset !== undefined) {
    const resolve = async (text: string): Promise<void> => {
      choose(text);
      if (text === '' || collection === undefined) return;
      // A name that nobody has stays as it was typed: the Admin API says so at this field.
      const found = await get(`/${collection}/${encodeURIComponent(text)}`).catch(() => undefined);
      choose(textOf(recordOf(found)['id']) ?? text);
    };
    return (
      <input
        {...attributes}
        type="text"
        placeholder="Name or id"
        value={id}
        onChange={(event) => void resolve(event.currentTarget.value.trim())}
      />
    );
  }
  const isListed = id === '' || page.data.some((item) => item['id'] === id);
  return (
    <select {...attributes} value={id} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">not set</option>
      {!isListed && <option value={id}>{id}</option>}
      {page.data.map((item) => (
        <option key={textOf(item['id'])} value={textOf(item['id']) ?? ''}>
          {entityName(item)}
        </option>
      ))}
    </select>
  );
}
