import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Loads a part of the page when it is first wanted. */
export function Later({ what, load }: { what: string; load: () => Promise<ComponentType> }) {
  const [View, setView] = useState<{ of: ComponentType }>();
  const [fault, setFault] = useState('');
  useEffect(() => {
    load().then(
      (of) => setView({ of }),
      () => setFault(`${what} could not be loaded. Is the server there?`),
    );
  }, []);
  if (fault) return <div class="empty" role="alert">{fault}</div>;
  return View ? <View.of /> : <div class="empty" role="status"><span class="spinner" /></div>;
}
