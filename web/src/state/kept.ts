// What the browser keeps for the page. What it does not keep, because it was told to keep nothing or has no room, is
// remembered here until the page is closed.

export interface Keeper {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** `find` gives the browser's storage; where that is forbidden, already asking for it throws. */
export function keeperOf(find: () => Keeper): Keeper {
  const unkept = new Map<string, string>();
  return {
    getItem(key) {
      try {
        return unkept.get(key) ?? find().getItem(key);
      } catch {
        return null;
      }
    },
    setItem(key, value) {
      unkept.delete(key);
      try {
        find().setItem(key, value);
      } catch {
        unkept.set(key, value);
      }
    },
  };
}

/** For all tabs, also after the browser was closed. */
export const browserStore = keeperOf(() => localStorage);
/** For this tab. */
export const tabStore = keeperOf(() => sessionStorage);

// For the graph library, which knows no modules of the page (vite.config.ts).
Object.assign(globalThis, { easelStore: browserStore });
