import { render } from 'preact';

render(<main>Easel</main>, document.getElementById('app')!);
