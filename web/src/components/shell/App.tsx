import { tokenWanted } from '../../api/http';
import { editing } from '../../state/form/editing';
import { helpShown, view } from '../../state/view';
import { GalleryView } from '../gallery/GalleryView';
import { Banner } from './Banner';
import { Columns } from './Columns';
import { DropAnywhere } from './DropAnywhere';
import { Header } from './Header';
import { Later } from './Later';
import { Notices } from './Notices';
import { Shortcuts, useShortcuts } from './Shortcuts';
import { TokenDialog } from './TokenDialog';

const loadGraph = () => import('../../graph/GraphView').then((module) => module.GraphView);
const loadEditor = () => import('../../picture/PictureEditor').then((module) => module.PictureEditor);

export function App() {
  useShortcuts();
  return (
    <div class="app">
      <Header />
      <Banner />
      <div class="views">
        {view.value === 'paint' && <Columns />}
        {view.value === 'graph' && <Later what="The graph view" load={loadGraph} />}
        {view.value === 'gallery' && <GalleryView />}
      </div>
      <Notices />
      <DropAnywhere />
      {editing.value && <Later what="The editor" load={loadEditor} onLost={() => (editing.value = undefined)} />}
      {helpShown.value && <Shortcuts />}
      {tokenWanted.value && <TokenDialog />}
    </div>
  );
}
