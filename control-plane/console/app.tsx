import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { controlPlane, enter } from './api/control-plane.ts';
import { errorText, unreachableSince } from './api/client.ts';
import { followFleet } from './api/fleet.ts';
import { access } from './api/session.ts';
import { Menu } from './navigation/menu.tsx';
import { CurrentPage } from './navigation/current-page.tsx';
import { Palette } from './navigation/palette.tsx';
import { LoginPage } from './pages/login/login-page.tsx';
import { Pending } from './parts/notice.tsx';
import { Ago } from './parts/time.tsx';

/** The whole console: a login where the Admin API wants one, else the menu and the page. */
export function App() {
  const error = useSignal<string | undefined>(undefined);
  const begin = (): void => {
    error.value = undefined;
    enter().catch((reason: unknown) => {
      if (access.value !== 'refused') error.value = errorText(reason);
    });
  };
  useEffect(begin, []);
  const mayRead = access.value === 'full' || access.value === 'read_only';
  const hasFleet = controlPlane.value?.endpoints.has('/clustering/data-planes') === true;
  useEffect(() => (mayRead && hasFleet ? followFleet() : undefined), [mayRead, hasFleet]);
  if (access.value === 'refused') return <LoginPage onLogin={begin} />;
  if (!mayRead) {
    return (
      <main class="login">
        <h1 class="hidden-text">Sluice</h1>
        <Pending error={error.value} retry={begin} />
      </main>
    );
  }
  return (
    <>
      <div class="frame">
        <Menu />
        <div>
          <Banners />
          <main tabIndex={-1}>
            <CurrentPage />
          </main>
        </div>
      </div>
      <Palette />
    </>
  );
}

/** What holds for every page: the control plane does not answer, or the console may only read. */
function Banners() {
  const since = unreachableSince.value;
  return (
    <>
      {since !== undefined && (
        <div class="banner" role="alert">
          The control plane cannot be reached (since <Ago at={since / 1_000} />
          ). What you see is from before.
        </div>
      )}
      {access.value === 'read_only' && (
        <div class="banner banner-info">This token may only read. Log in with the full token to change things.</div>
      )}
      {controlPlane.value?.isFile === true && (
        <div class="banner banner-info">
          This node runs a file: change the file, or load another with <code>sluice config import</code>.
        </div>
      )}
    </>
  );
}
