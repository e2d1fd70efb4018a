/** RFC 9562 section 4, any version. */
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Tells whether the text is a UUID, in either case. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}

/** Tells whether the text is a UUID in lower case, the form in which Sluice writes its own ids. */
export function isLowerCaseUuid(text: string): boolean {
  return isUuid(text) && text === text.toLowerCase();
}
