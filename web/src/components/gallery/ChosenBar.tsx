import { useRef } from 'preact/hooks';
import { chooseNone, chosenFiles, compareChosen, downloadChosen, foundEntries, removeChosen, toggleChosen } from '../../state/gallery/choosing';
import { Icon } from '../ui/Icon';

function Confirm({ dialog, count }: { dialog: { current: HTMLDialogElement | null }; count: number }) {
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="delete-title">
      <form method="dialog">
        <h2 id="delete-title">
          Delete {count} {count === 1 ? 'picture' : 'pictures'} for good?
        </h2>
        <p>{count === 1 ? 'Its file is' : 'Their files are'} deleted on the server. This cannot be undone.</p>
        <div class="row end">
          <button type="submit" autofocus>
            {count === 1 ? 'Keep it' : 'Keep them'}
          </button>
          <button type="submit" class="danger" onClick={() => void removeChosen(true)}>
            Delete for good
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** What can be done with the pictures that are chosen. */
export function ChosenBar() {
  const dialog = useRef<HTMLDialogElement>(null);
  const count = chosenFiles.value.length;
  if (count === 0) return null;
  return (
    <div class="chosen-bar" role="toolbar" aria-label="Pictures chosen">
      <strong>{count} chosen</strong>
      <button type="button" class="quiet" onClick={() => toggleChosen(foundEntries.value.flatMap((e) => e.pictures))}>
        All
      </button>
      <button type="button" class="quiet" onClick={chooseNone}>
        None
      </button>
      <span class="tool-gap" />
      {count === 2 && (
        <button type="button" onClick={compareChosen}>
          <Icon name="compare" size={16} /> Compare
        </button>
      )}
      <button type="button" onClick={() => void downloadChosen()}>
        <Icon name="download" size={16} /> Download
      </button>
      <button type="button" title="The files stay" onClick={() => void removeChosen(false)}>
        <Icon name="close" size={16} /> Take out
      </button>
      <button type="button" class="danger" onClick={() => dialog.current?.showModal()}>
        <Icon name="trash" size={16} /> Delete
      </button>
      <Confirm dialog={dialog} count={count} />
    </div>
  );
}
