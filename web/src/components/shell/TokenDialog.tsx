import { useEffect, useRef } from 'preact/hooks';
import { setToken, tokenWanted } from '../../api/http';
import { loadTechniques } from '../../state/form/compose';
import { loadFavourites } from '../../state/gallery/favourites';
import { reconnect } from '../../state/jobs/session';

/** Asks for the server's token. */
export function TokenDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    setToken(field.current?.value.trim() ?? '');
    void loadTechniques();
    void loadFavourites();
    reconnect();
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="token-title" onCancel={(e) => e.preventDefault()}>
      <form onSubmit={submit}>
        <h2 id="token-title">This server needs its token</h2>
        <p>It is in the file that the server was started with (--token-file). It is kept in this browser.</p>
        <label class="field">
          <span class="label">Token</span>
          <input
            ref={field}
            class="text"
            type="password"
            autocomplete="current-password"
            required
            aria-invalid={tokenWanted.value === 'wrong'}
          />
        </label>
        {tokenWanted.value === 'wrong' && (
          <p class="fault" role="alert">
            That is not it.
          </p>
        )}
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </dialog>
  );
}
