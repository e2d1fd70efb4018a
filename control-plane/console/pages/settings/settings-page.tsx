import { controlPlane } from '../../api/control-plane.ts';
import { access, forgetToken, refusal, token } from '../../api/session.ts';
import { chooseTheme, theme, themes } from '../../design/theme.ts';
import { hrefOf } from '../../navigation/location.ts';

const themeNames = { system: 'As the system', light: 'Light', dark: 'Dark' } as const;

/** The token, the theme, and what this control plane is. */
export function SettingsPage() {
  const info = controlPlane.value;
  return (
    <>
      <div class="page-head">
        <h1>Settings</h1>
      </div>
      <div class="stack form">
        <Access />
        <section class="sheet" aria-labelledby="theme-title">
          <h2 id="theme-title">Theme</h2>
          <div class="actions" role="radiogroup" aria-labelledby="theme-title">
            {themes.map((one) => (
              <label key={one}>
                <input
                  type="radio"
                  class="radio"
                  name="theme"
                  checked={theme.value === one}
                  onChange={() => chooseTheme(one)}
                />{' '}
                {themeNames[one]}
              </label>
            ))}
          </div>
        </section>
        <section class="sheet" aria-labelledby="node-title">
          <h2 id="node-title">This control plane</h2>
          <dl class="facts">
            <dt>Host</dt>
            <dd>{info?.hostname}</dd>
            <dt>Version</dt>
            <dd>{info?.version}</dd>
            <dt>Role</dt>
            <dd>{info?.role.replace('_', ' ')}</dd>
            <dt>Admin API</dt>
            <dd>
              {info?.adminListeners.join(', ')} (<a href={hrefOf('/api')}>its endpoints</a>)
            </dd>
            {info !== undefined && info.proxyListeners.length > 0 && (
              <>
                <dt>Proxy</dt>
                <dd>{info.proxyListeners.join(', ')}</dd>
              </>
            )}
            <dt>Plugins</dt>
            <dd>{info?.plugins.join(', ')}</dd>
          </dl>
        </section>
      </div>
    </>
  );
}

function Access() {
  const logOut = (): void => {
    forgetToken();
    refusal.value = '';
    access.value = 'refused';
  };
  return (
    <section class="sheet" aria-labelledby="access-title">
      <h2 id="access-title">Token</h2>
      {token.value === undefined ? (
        <p>This control plane let you in without a token.</p>
      ) : (
        <div class="stack">
          <p>
            {access.value === 'read_only' ? 'Your token may only read.' : 'Your token may read and write.'} The browser
            keeps it until this tab is closed.
          </p>
          <div>
            <button type="button" class="button" onClick={logOut}>
              Log out
            </button>
          </div>
        </div>
      )}
    </section>
  );
}
