const shownLength = 8;

/** The first characters of a hash, with the whole on hover. */
export function Hash({ value }: { readonly value: string | undefined }) {
  if (value === undefined) return <span class="quiet">none</span>;
  return (
    <code class="nowrap" title={value}>
      {value.slice(0, shownLength)}
    </code>
  );
}
