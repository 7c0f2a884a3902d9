import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { say } from '../../state/notices';

// A browser does not ask again for a part that it could not get: the page has to be loaded anew.
const AGAIN = 'Load the page again';
const lost = new Set<string>();

interface LaterProps {
  what: string;
  load: () => Promise<ComponentType>;
  /** For what lies above the page: called when it is lost, which is then said in a notice. */
  onLost?: () => void;
}

/** Loads a part of the page when it is first wanted. */
export function Later({ what, load, onLost }: LaterProps) {
  const [View, setView] = useState<{ of: ComponentType }>();
  const [fault, setFault] = useState(lost.has(what));
  const tell = () => {
    if (!onLost) return;
    say(`${what} could not be loaded. Is the server there?`, 'bad', { label: AGAIN, run: () => location.reload() });
    onLost();
  };
  useEffect(() => {
    if (fault) return tell();
    load().then(
      (of) => setView({ of }),
      () => {
        lost.add(what);
        setFault(true);
        tell();
      },
    );
  }, []);
  if (fault) {
    return (
      <div class="empty" role="alert">
        <p>{what} could not be loaded. Is the server there?</p>
        <button type="button" onClick={() => location.reload()}>
          {AGAIN}
        </button>
        <p class="hint">What is in the form stays.</p>
      </div>
    );
  }
  return View ? <View.of /> : <div class="empty" role="status"><span class="spinner" /></div>;
}
