import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Loads the graph view when it is first wanted. */
export function GraphPane() {
  const [View, setView] = useState<{ of: ComponentType }>();
  const [fault, setFault] = useState('');
  useEffect(() => {
    import('../../graph/GraphView').then(
      (module) => setView({ of: module.GraphView }),
      () => setFault('The graph view could not be loaded. Is the server there?'),
    );
  }, []);
  if (fault) return <div class="empty" role="alert">{fault}</div>;
  return View ? <View.of /> : <div class="empty" role="status"><span class="spinner" /></div>;
}
