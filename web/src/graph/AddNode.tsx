import { useMemo, useRef } from 'preact/hooks';
import type { Infos } from './document';

/** A field that finds nodes by name; Enter adds the one it names. */
export function AddNode({ infos, onAdd }: { infos: Infos; onAdd: (name: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const byTitle = useMemo(() => {
    const all = new Map<string, string>();
    for (const info of Object.values(infos)) {
      all.set(info.name.toLowerCase(), info.name);
      all.set((info.display_name || info.name).toLowerCase(), info.name);
    }
    return all;
  }, [infos]);
  const add = (final: boolean) => {
    const input = field.current;
    if (!input) return;
    const typed = input.value.trim().toLowerCase();
    const name = byTitle.get(typed) ?? (final ? [...byTitle].find(([title]) => title.includes(typed))?.[1] : undefined);
    if (!name || !typed) return;
    onAdd(name);
    input.value = '';
  };
  return (
    <>
      <input
        ref={field}
        class="text add-node"
        list="node-names"
        placeholder="Add a node …"
        aria-label="Add a node"
        onChange={() => add(false)}
        onKeyDown={(e) => e.key === 'Enter' && add(true)}
      />
      <datalist id="node-names">
        {Object.values(infos)
          .filter((info) => !info.deprecated)
          .map((info) => (
            <option key={info.name} value={info.display_name || info.name}>
              {info.category}
            </option>
          ))}
      </datalist>
    </>
  );
}
