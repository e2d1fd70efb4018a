/** A pattern that JavaScript takes with the flag `u`. */
export interface UnicodePattern {
  readonly pattern: string;
  /** Flags beside `u`. */
  readonly flags: string;
}

/** Characters that may stand behind a backslash under the flag `u`, outside of classes and in them. */
const syntaxCharacters = /^[\^$\\.*+?()[\]{}|/]$/;
/** Escapes with a meaning of their own under the flag `u`, in full. */
const escape =
  /^\\(?:[dDwWsSbBfnrtv0-9]|c[A-Za-z]|x[0-9a-fA-F]{2}|u(?:[0-9a-fA-F]{4}|\{[0-9a-fA-F]+\})|k<[^>]*>|[pP]\{[^}]*\})/;
const inlineFlags = /^\(\?([ims]+)\)/;
const quantifier = /^\{[0-9]+(?:,[0-9]*)?\}/;
const classEscape = /^\\[dDwWsSpP]/;

/**
 * Rewrites a pattern that JavaScript refuses with the flag `u`: needless escapes (`\-`, `\@`) and lone braces, which
 * ECMA-262 takes without the flag, and what authors write for the regular expressions of Java and Python: `\A`, `\Z`, `\z`
 * (the ends of the text), a leading `(?i)` and `(?P<name>…)`.
 */
export function unicodePattern(source: string): UnicodePattern {
  const [leading = '', flags = ''] = inlineFlags.exec(source) ?? [];
  return { pattern: new Rewriter(source.slice(leading.length)).rewrite(), flags };
}

class Rewriter {
  readonly #source: string;
  #at = 0;
  #written = '';
  /** An atom stands before this place, which a quantifier may follow. */
  #hasAtom = false;

  constructor(source: string) {
    this.#source = source;
  }

  rewrite(): string {
    while (this.#at < this.#source.length) this.#token();
    return this.#written;
  }

  #token(): void {
    const char = this.#source.charAt(this.#at);
    if (char === '\\') return this.#escape();
    if (char === '[') return this.#class();
    if (char === '{') return this.#brace();
    if (char === '}' || char === ']') return this.#write(`\\${char}`, 1, true);
    if (this.#source.startsWith('(?P<', this.#at)) return this.#write('(?<', 4, false);
    this.#write(char, 1, !/[(|^*+?]/.test(char) || char === ')');
  }

  #brace(): void {
    const [found] = (this.#hasAtom ? quantifier.exec(this.#rest()) : null) ?? [];
    if (found === undefined) this.#write('\\{', 1, true);
    else this.#write(found, found.length, false);
  }

  #escape(): void {
    const next = this.#source.charAt(this.#at + 1);
    if (next === 'A') return this.#write('^', 2, false);
    if (next === 'Z' || next === 'z') return this.#write('$', 2, false);
    this.#writeEscape(false);
  }

  #writeEscape(isClass: boolean): void {
    const [found] = escape.exec(this.#rest()) ?? [];
    if (found !== undefined) return this.#write(found, found.length, true);
    const next = this.#source.charAt(this.#at + 1);
    const isKept = syntaxCharacters.test(next) || next === '' || (isClass && next === '-');
    this.#write(isKept ? `\\${next}` : next, 2, true);
  }

  #class(): void {
    const opening = this.#source.startsWith('[^', this.#at) ? '[^' : '[';
    this.#write(opening, opening.length, false);
    let isAfterSet = false;
    while (this.#at < this.#source.length && this.#source.charAt(this.#at) !== ']') {
      const rest = this.#rest();
      const isSet = classEscape.test(rest);
      // A set is no end of a range: the hyphen beside it stands for itself.
      const isHyphen =
        rest.startsWith('-') && rest.charAt(1) !== ']' && (isAfterSet || classEscape.test(rest.slice(1)));
      if (isHyphen) this.#write('\\-', 1, false);
      else if (rest.startsWith('\\')) this.#writeEscape(true);
      else this.#write(rest.charAt(0), 1, false);
      isAfterSet = isSet;
    }
    this.#write(this.#source.slice(this.#at, this.#at + 1), 1, true);
  }

  #rest(): string {
    // No token is longer.
    return this.#source.slice(this.#at, this.#at + 64);
  }

  #write(text: string, read: number, isAtom: boolean): void {
    this.#written += text;
    this.#at += read;
    this.#hasAtom = isAtom;
  }
}
