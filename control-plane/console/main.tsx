import './design/tokens.css';
import './design/base.css';
import './design/layout.css';
import './design/parts.css';
import './design/forms.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { followLinks } from './navigation/location.ts';
import { applyTheme } from './design/theme.ts';

applyTheme();
followLinks();
const root = document.getElementById('console');
if (root !== null) render(<App />, root);
