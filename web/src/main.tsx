import { render } from 'preact';
import { App } from './components/shell/App';
import { loadTechniques } from './state/form/compose';
import { start } from './state/jobs/session';
import './styles/base.css';
import './styles/shell.css';
import './styles/controls.css';
import './styles/compose.css';
import './styles/stage.css';
import './styles/side.css';
import './styles/touch.css';
import './state/theme';

render(<App />, document.getElementById('app')!);
void loadTechniques();
start();
