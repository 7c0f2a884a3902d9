import { useState } from 'preact/hooks';
import type { ImageRef } from '../../api/types';
import { viewAddress } from '../../api/routes';
import { techniques } from '../../state/form/catalog';
import { detailsOf, wordsOfJob } from '../../state/jobs/about';
import type { Job } from '../../state/jobs/jobs';
import { say } from '../../state/notices';
import { Icon } from '../ui/Icon';

/** Puts text on the clipboard, also where the page is not on a secure origin. */
export async function copyText(text: string): Promise<void> {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else {
      const area = document.createElement('textarea');
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    say('Copied.');
  } catch {
    say('The browser does not let this page copy.', 'bad');
  }
}

/** What a result was made with; each value can be copied. */
export function Details({ job, image }: { job: Job; image: ImageRef | undefined }) {
  const [size, setSize] = useState<{ width: number; height: number }>();
  const words = wordsOfJob(job);
  const rows = detailsOf(job, techniques.value, size);
  const all = [words, ...rows.map(({ name, value }) => `${name}: ${value}`)].filter(Boolean).join('\n');
  return (
    <div class="details-card">
      {image && <img class="hidden" src={viewAddress(image)} alt="" onLoad={(e) => setSize({ width: e.currentTarget.naturalWidth, height: e.currentTarget.naturalHeight })} />}
      {words && <p class="details-words" dir="auto">{words}</p>}
      <dl>
        {rows.map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <button type="button" class="copy" title={`Copy ${name.toLowerCase()}`} aria-label={`Copy ${name.toLowerCase()} ${value}`} onClick={() => void copyText(value)}>
                {value}
              </button>
            </dd>
          </div>
        ))}
      </dl>
      <button type="button" class="small" onClick={() => void copyText(all)}>
        <Icon name="copy" size={15} /> Copy all
      </button>
    </div>
  );
}
