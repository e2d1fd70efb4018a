import { isRecord } from '../../../shared/schema/is-record.ts';
import { membersOf, nameOfMember } from '../../plugin-api/json-member.ts';
import type { NamedValues } from './changes.ts';

/** The members of a JSON object; values are JSON texts. What is not changed stays as it was written, with all its digits. */
export class JsonObject implements NamedValues<string> {
  readonly #members: Map<string, string>;

  private constructor(members: Map<string, string>) {
    this.#members = members;
  }

  /** Undefined where the text is no JSON object. An empty text is one without members. */
  static parse(text: string): JsonObject | undefined {
    if (text.trim() === '') return new JsonObject(new Map());
    try {
      if (!isRecord(JSON.parse(text))) return undefined;
    } catch {
      return undefined;
    }
    const members = new Map<string, string>();
    for (const member of membersOf(text.slice(text.indexOf('{') + 1, text.lastIndexOf('}')))) {
      if (member.trim() === '') continue;
      const { name, value } = nameOfMember(member);
      // The last one of a repeated name counts, as with JSON.parse.
      members.set(name, value);
    }
    return new JsonObject(members);
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  remove(name: string): void {
    this.#members.delete(name);
  }

  rename(from: string, to: string): void {
    const value = this.#members.get(from);
    if (value === undefined) return;
    this.#members.delete(from);
    this.#members.set(to, value);
  }

  replace(name: string, value: string): void {
    this.#members.set(name, value);
  }

  /** A second value makes a list, as in Kong. */
  append(name: string, value: string): void {
    const known = this.#members.get(name)?.trim();
    if (known === undefined) this.#members.set(name, `[${value}]`);
    else if (!known.startsWith('[')) this.#members.set(name, `[${known},${value}]`);
    else {
      const inner = known.slice(1, -1).trim();
      this.#members.set(name, inner === '' ? `[${value}]` : `[${inner},${value}]`);
    }
  }

  toString(): string {
    return `{${[...this.#members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  }
}
