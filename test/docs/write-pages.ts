import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './pages.ts';
import { settingsPage } from './settings-page.ts';

// Writes the generated pages of docs/ anew: `npm run docs`.
writeFileSync(join(root, 'docs/settings.md'), settingsPage());
