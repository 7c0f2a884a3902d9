import { tokenWanted } from '../../api/http';
import { view } from '../../state/view';
import { Banner } from './Banner';
import { Columns } from './Columns';
import { DropAnywhere } from './DropAnywhere';
import { GraphPane } from './GraphPane';
import { Header } from './Header';
import { Notices } from './Notices';
import { TokenDialog } from './TokenDialog';

export function App() {
  return (
    <div class="app">
      <Header />
      <Banner />
      <div class="views">
        {view.value === 'paint' ? <Columns /> : <GraphPane />}
      </div>
      <Notices />
      <DropAnywhere />
      {tokenWanted.value && <TokenDialog />}
    </div>
  );
}
