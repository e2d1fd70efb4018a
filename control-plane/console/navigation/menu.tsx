import { signal } from '@preact/signals';
import { canTry, controlPlane } from '../api/control-plane.ts';
import { fleet } from '../api/fleet.ts';
import { kinds, type Kind } from '../api/kinds.ts';
import { iconUrl } from '../design/icon-url.ts';
import { hrefOf, place } from './location.ts';
import { openPalette } from './palette.tsx';

const isOpen = signal(false);

/** The menu: at the side of a wide window, behind a button of a narrow one. */
export function Menu() {
  return (
    <>
      <header class="top">
        <Brand />
        <button type="button" class="button" onClick={openPalette}>
          Find
        </button>
        <button
          type="button"
          class="button"
          aria-expanded={isOpen.value}
          aria-controls="menu"
          onClick={() => (isOpen.value = !isOpen.value)}
        >
          Menu
        </button>
      </header>
      <nav id="menu" class="side menu" aria-label="Pages" data-open={isOpen.value} onClick={closeAfterLink}>
        <Brand />
        <button type="button" class="find" onClick={openPalette}>
          Find anything <kbd>Ctrl K</kbd>
        </button>
        <MenuLinks />
        <p class="side-foot">
          {controlPlane.value?.hostname}
          <br />
          Sluice {controlPlane.value?.version}, {controlPlane.value?.role.replace('_', ' ')}
        </p>
      </nav>
    </>
  );
}

function closeAfterLink(event: Event): void {
  if (event.target instanceof Element && event.target.closest('a') !== null) isOpen.value = false;
}

function Brand() {
  return (
    <a class="brand" href={hrefOf('/')}>
      <img src={iconUrl} alt="" />
      Sluice
    </a>
  );
}

function MenuLinks() {
  const troubled = fleet.value.nodes.filter(({ state }) => state !== 'in_sync' && state !== 'pending').length;
  const hasAudit = controlPlane.value?.endpoints.has('/audit/objects') === true;
  return (
    <div>
      <ul class="menu-group">
        <Item path="/" title="Overview" />
        {controlPlane.value?.endpoints.has('/clustering/data-planes') === true && (
          <Item path="/fleet" title="Fleet" count={troubled} />
        )}
        {controlPlane.value?.endpoints.has('/clustering/destinations') === true && (
          <Item path="/destinations" title="Destinations" />
        )}
        {hasAudit && <Item path="/changes" title="Changes" />}
        {canTry() && <Item path="/try" title="Try a request" />}
      </ul>
      <div class="menu-group">
        <p class="menu-title" id="menu-configuration">
          Configuration
        </p>
        <ul aria-labelledby="menu-configuration">
          {shownKinds().map(({ path, title, below }) => (
            <Item key={path} path={`/${path}`} title={title} isBelow={below !== undefined} />
          ))}
        </ul>
      </div>
      <ul class="menu-group">
        <Item path="/api" title="Admin API" />
        <Item path="/settings" title="Settings" />
      </ul>
    </div>
  );
}

/** Returns the kinds that this Admin API has. */
export function shownKinds(): readonly Kind[] {
  return kinds.filter(({ path }) => controlPlane.value?.endpoints.has(`/${path}`) === true);
}

interface ItemProps {
  readonly path: string;
  readonly title: string;
  readonly count?: number;
  readonly isBelow?: boolean;
}

function Item({ path, title, count = 0, isBelow = false }: ItemProps) {
  const here = place.value.path;
  const isCurrent = here === path || (path !== '/' && here.startsWith(`${path}/`));
  return (
    <li class={isBelow ? 'below' : undefined}>
      <a href={hrefOf(path)} aria-current={isCurrent ? 'page' : undefined}>
        {title}
        {count > 0 && (
          <span class="count" title={`${count} not in sync`}>
            {count}
          </span>
        )}
      </a>
    </li>
  );
}
