import type { ComponentChildren } from 'preact';

export type Tone = 'bad' | 'warn' | 'good' | 'info';

export function Notice({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <div class={`notice notice-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

/** Says what to do first where there is nothing yet, with the command to copy. */
export function Empty({
  title,
  command,
  children,
}: {
  readonly title: string;
  readonly command?: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
      {command !== undefined && <Command text={command} />}
    </div>
  );
}

export function Command({ text }: { readonly text: string }) {
  return (
    <div class="command">
      <pre tabIndex={0}>{text}</pre>
      <button type="button" class="button" onClick={() => void navigator.clipboard.writeText(text)}>
        Copy
      </button>
    </div>
  );
}

/** Stands where a value is being read, or says why it could not be. */
export function Pending({ error, retry }: { readonly error: string | undefined; readonly retry?: () => void }) {
  if (error === undefined) return <p class="pending">Reading…</p>;
  return (
    <Notice tone="bad">
      <p>{error}</p>
      {retry !== undefined && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </Notice>
  );
}
