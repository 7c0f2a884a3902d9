import { tokenWanted } from '../../api/http';
import { connection } from '../../api/socket';
import { reconnect } from '../../state/jobs/session';

/** Says that the server is away, while it is. */
export function Banner() {
  if (connection.value !== 'lost' || tokenWanted.value) return null;
  return (
    <div class="banner" role="alert">
      <span class="spinner" aria-hidden="true" />
      <span>The server is away. Reconnecting; your queue and pictures are kept there.</span>
      <button type="button" class="quiet" onClick={reconnect}>
        Try now
      </button>
    </div>
  );
}
