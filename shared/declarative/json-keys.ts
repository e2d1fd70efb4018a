export interface JsonFault {
  /** In UTF-16 units from the start of the text. */
  readonly offset: number;
  readonly message: string;
}

/** How deep a document may be nested: far beyond any configuration. */
export const depthMax = 100;

const backslash = 0x5c;

/** An object or an array that is open where the scan is. */
interface Level {
  /** Undefined in an array. */
  readonly keys: Set<string> | undefined;
  expectsKey: boolean;
}

/** Returns the first key that an object of this valid JSON text gives twice, or the place where it is nested too deeply. */
export function findJsonFault(text: string): JsonFault | undefined {
  const levels: Level[] = [];
  for (let offset = 0; offset < text.length; offset += 1) {
    const level = levels.at(-1);
    switch (text.charAt(offset)) {
      case '{':
      case '[':
        if (levels.length >= depthMax) return { offset, message: 'it is nested too deeply' };
        levels.push({ keys: text[offset] === '{' ? new Set() : undefined, expectsKey: text[offset] === '{' });
        break;
      case '}':
      case ']':
        levels.pop();
        break;
      case ',':
        if (level?.keys !== undefined) level.expectsKey = true;
        break;
      case '"': {
        const end = endOfString(text, offset);
        if (level?.keys !== undefined && level.expectsKey) {
          const key = String(JSON.parse(text.slice(offset, end + 1)));
          if (level.keys.has(key)) return { offset, message: `duplicate key '${key}'` };
          level.keys.add(key);
          level.expectsKey = false;
        }
        offset = end;
        break;
      }
      default:
    }
  }
  return undefined;
}

/** The offset of the closing quote. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes += 1;
    if (backslashes % 2 === 0 || end === -1) return end;
  }
}
