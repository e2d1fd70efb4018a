// Imported for its effect before all others: an older Node.js fails in a library, with an error that says nothing.
const oldest = [20, 19, 4] as const;

/** Tells whether a version of Node.js is one that Sluice runs on. */
export function isSupportedNode(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, wanted] of oldest.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

if (!isSupportedNode(process.versions.node)) {
  console.error(
    `Sluice needs Node.js ${oldest.join('.')} or newer, and this is ${process.versions.node}: install a newer one, then run \`npm ci\` again.`,
  );
  process.exit(2);
}
