import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { forgetToken, keepToken, refusal } from '../../api/session.ts';
import { iconUrl } from '../../design/icon-url.ts';
import { Notice } from '../../parts/notice.tsx';

/** Asks for a token of the Admin API. */
export function LoginPage({ onLogin }: { readonly onLogin: () => void }) {
  const text = useSignal('');
  useEffect(() => {
    document.title = 'Log in · Sluice';
    forgetToken();
  }, []);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (text.value.trim() === '') return;
    keepToken(text.value.trim());
    onLogin();
  };
  return (
    <main class="login">
      <form class="sheet" onSubmit={submit}>
        <h1>
          <img src={iconUrl} alt="" />
          Sluice
        </h1>
        <p class="quiet">
          This control plane wants a token: the value of <code>admin_token</code>, or of{' '}
          <code>admin_token_read_only</code> for a look without changes.
        </p>
        {refusal.value !== '' && (
          <Notice tone="bad">
            {refusal.value === 'Unauthorized' ? 'The control plane refused this token.' : refusal.value}
          </Notice>
        )}
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
        <button type="submit" class="button button-main">
          Log in
        </button>
        <p class="field-hint">The browser keeps it until this tab is closed.</p>
      </form>
    </main>
  );
}
