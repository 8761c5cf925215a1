import { render } from 'preact';

render(<p>mb</p>, document.getElementById('app')!);
