export const iconUrl = new URL('./icon.svg', import.meta.url).href;
