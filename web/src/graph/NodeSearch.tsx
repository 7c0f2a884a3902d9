import { useEffect, useRef, useState } from 'preact/hooks';
import type { NodeInfo } from '../api/types';
import { inputsOf, typeName } from './document';
import type { Editor } from './editor';
import { findNodes } from './nodeSearch';

function Help({ info }: { info: NodeInfo }) {
  const inputs = inputsOf(info);
  return (
    <div class="node-help">
      <h3>{info.display_name || info.name}</h3>
      <p class="option-detail">
        {info.name} · {info.category}
      </p>
      {info.description && <p>{info.description}</p>}
      <dl>
        {inputs.map(([name, spec]) => (
          <div key={name}>
            <dt>
              {name} <span>{typeName(spec)}</span>
            </dt>
            {spec[1]?.tooltip && <dd>{spec[1].tooltip}</dd>}
          </div>
        ))}
      </dl>
      {info.output.length > 0 && (
        <p class="node-outputs">
          Gives {info.output.map((type, i) => (info.output_name[i] && info.output_name[i] !== type ? `${info.output_name[i]} (${type})` : type)).join(', ')}
        </p>
      )}
    </div>
  );
}

/** Finds a node by its name, its category or what it does, and shows what it is before it is added. */
export function NodeSearch({ editor }: { editor: Editor }) {
  const wanted = editor.searching.value;
  const [typed, setTyped] = useState('');
  const [active, setActive] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    setTyped('');
    setActive(0);
    if (wanted) dialog.current?.showModal();
  }, [wanted]);
  if (!wanted) return null;
  const found = findNodes(editor.known, typed, wanted.loose);
  const close = () => (editor.searching.value = undefined);
  const add = (info: NodeInfo | undefined) => {
    if (!info) return;
    close();
    editor.addNode(info.name, wanted);
  };
  const key = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Enter') add(found[active]);
    else if (by) setActive(Math.max(0, Math.min(found.length - 1, active + by)));
    else return;
    event.preventDefault();
  };
  const shown = found[active];
  return (
    <dialog ref={dialog} class="dialog node-search" aria-label="Add a node" onClose={close} onClick={(e) => e.target === dialog.current && dialog.current?.close()}>
      <input
        class="text"
        autofocus
        role="combobox"
        aria-expanded="true"
        aria-controls="node-search-list"
        aria-activedescendant={`node-search-${active}`}
        aria-label="Find a node"
        placeholder={wanted.loose ? `Nodes for ${wanted.loose.type} …` : 'Find a node …'}
        value={typed}
        onInput={(e) => {
          setTyped(e.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={key}
      />
      <div class="node-search-body">
        <ul id="node-search-list" role="listbox" aria-label="Nodes">
          {found.map((info, i) => (
            <li
              key={info.name}
              id={`node-search-${i}`}
              role="option"
              aria-selected={i === active}
              class={`option${i === active ? ' active' : ''}`}
              ref={(e) => {
                if (e && i === active) e.scrollIntoView({ block: 'nearest' });
              }}
              onPointerMove={() => i !== active && setActive(i)}
              onClick={() => add(info)}
            >
              <span class="option-words">
                <span>{info.display_name || info.name}</span>
                <span class="option-detail">{info.category}</span>
              </span>
            </li>
          ))}
          {found.length === 0 && <li class="hint">No node is called that, or does that.</li>}
        </ul>
        {shown && <Help info={shown} />}
      </div>
    </dialog>
  );
}
