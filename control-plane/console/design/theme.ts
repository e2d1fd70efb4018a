import { signal } from '@preact/signals';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const storageKey = 'sluice-theme';

export const theme = signal<Theme>(themes.find((one) => one === localStorage.getItem(storageKey)) ?? 'system');

/** Draws the console in the chosen theme; `system` follows the system's setting. */
export function applyTheme(): void {
  const { dataset } = document.documentElement;
  if (theme.value === 'system') delete dataset['theme'];
  else dataset['theme'] = theme.value;
}

export function chooseTheme(chosen: Theme): void {
  localStorage.setItem(storageKey, chosen);
  theme.value = chosen;
  applyTheme();
}
